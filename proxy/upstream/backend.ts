/**
 * Where an exchange goes, with everything that filters need on the way already resolved. Built when a snapshot is
 * applied, pinned by the exchange: no filter looks anything up by name.
 */
import type { InboundPort, Route } from '../../mesh/snapshot.ts'
import type { Cluster, DialPort } from './cluster.ts'
import type { OutlierDetector } from './outlier-detection.ts'
import type { Pool } from './pool.ts'
import type { RetryBudget } from './retry-budget.ts'

/** One target of one route, for the port that was dialled. */
export interface Backend {
  /** Service that was dialled. */
  readonly service: string
  readonly route: Route
  readonly cluster: Cluster
  /** What the peer's sidecar is asked for. */
  readonly port: DialPort
  /** Of the service. */
  readonly retryBudget: RetryBudget
  /** Of the route, when it has outlier detection of its own. */
  readonly outliers: OutlierDetector | undefined
}

/** One port of the app beside this sidecar. */
export interface App {
  readonly service: string
  /** The workload beside which this sidecar runs. */
  readonly workload: string
  readonly inbound: InboundPort
  readonly pool: Pool
}
