/**
 * Where an exchange goes, with everything that filters need on the way already resolved. Built when a snapshot is
 * applied, pinned by the exchange: no filter looks anything up by name.
 */
import type { CompiledAccess } from '../../mesh/access.ts'
import type { InboundPort, Route } from '../../mesh/snapshot.ts'
import type { Cluster } from './cluster.ts'
import type { DialPort } from './dial-port.ts'
import type { Pool } from './pool.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { Rotation } from './rotation.ts'

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
  /** Which endpoints take its requests, and who is told how they did. */
  readonly rotation: Rotation
}

/** One port of the app beside this sidecar. */
export interface App {
  readonly service: string
  /** The workload beside which this sidecar runs. */
  readonly workload: string
  readonly inbound: InboundPort
  /** Who may call it. */
  readonly access: CompiledAccess
  readonly pool: Pool
}
