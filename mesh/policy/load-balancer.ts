/** How an endpoint of a workload is chosen: power of two choices on least requests. */
export interface LoadBalancer {
  /** Below this share of healthy endpoints, health is ignored; 0–100, counted within a workload. */
  readonly panicThresholdPercent: number
}
