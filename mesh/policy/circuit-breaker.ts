/**
 * Limits on what runs at once towards one workload. Connection limits and `maxRequestsPerConnection` apply where
 * a sidecar connects to its app or to a plain upstream; between sidecars requests are counted, because one
 * connection carries many.
 */
export interface CircuitBreaker {
  readonly maxConnections: number
  /** Requests that wait for a connection. */
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number
}
