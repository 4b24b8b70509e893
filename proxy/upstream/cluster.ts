/** One workload as a destination: its endpoints, balancer, breaker and outlier detection. */
export interface Cluster {
  readonly workload: string
}
