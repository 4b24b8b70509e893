/**
 * One endpoint of a cluster and the state that outlives configuration: its pool, its requests in flight, its
 * ejection, its health. Keyed by registration id.
 */
export interface Endpoint {
  readonly id: string
}
