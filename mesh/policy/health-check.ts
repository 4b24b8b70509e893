/** Asks endpoints actively whether they are well. */
export interface HealthCheck {
  readonly protocol: 'http' | 'tcp'
  /** For `http`. */
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
}
