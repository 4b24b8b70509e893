/** One connection that carries plain bytes, on its way through the sidecar. */
import type { Clock } from '../../mesh/clock.ts'
import type { Arrival } from '../exchange.ts'
import type { Failure } from '../failure.ts'
import type { Transport } from '../transport.ts'
import type { App, Backend } from '../upstream/backend.ts'
import type { Endpoint } from '../upstream/endpoint.ts'

/** Resolves when the connection is over, rejects with a `Failure` when it ended early. */
export type ConnectionHandler = (connection: Connection) => Promise<void>
export type ConnectionFilter = (next: ConnectionHandler) => ConnectionHandler

/** Builds one handler from filters in order: the first sees the connection first. */
export const stackConnections = (
  filters: readonly ConnectionFilter[],
  last: ConnectionHandler,
): ConnectionHandler => filters.reduceRight<ConnectionHandler>((next, filter) => filter(next), last)

export class Connection {
  readonly arrival: Arrival
  /** To who connected. Nobody has read from it yet. */
  readonly transport: Transport
  readonly startedMs: number
  /** Outbound, set by `route`. */
  backend: Backend | undefined = undefined
  /** Outbound, set by `balance`. */
  endpoint: Endpoint | undefined = undefined
  /** Inbound, set by `route`. */
  app: App | undefined = undefined
  /** Envoy's response flag, `-` when all went well. */
  flag = '-'
  /** One sentence, when something went wrong. */
  reason: string | undefined = undefined
  /** From who connected, and to them. */
  receivedBytes = 0
  sentBytes = 0
  durationMs = 0
  /** Installed by who holds the connection at the moment: breaks it. */
  onStop: ((failure: Failure) => void) | undefined = undefined
  private readonly clock: Clock
  private stoppedBy: Failure | undefined = undefined

  constructor(transport: Transport, arrival: Arrival, clock: Clock) {
    this.transport = transport
    this.arrival = arrival
    this.clock = clock
    this.startedMs = clock.monotonic()
  }

  /** Breaks the connection: a rule that no longer allows it, a sidecar that ends. The first failure counts. */
  stop(failure: Failure): void {
    if (this.stoppedBy !== undefined) return
    this.stoppedBy = failure
    this.onStop?.(failure)
  }

  /** Who waited looks here before it goes on. */
  get stopped(): Failure | undefined {
    return this.stoppedBy
  }

  /** Notes how it ended; called once, by `rescue`. */
  finish(failure: Failure | undefined): void {
    this.durationMs = this.clock.monotonic() - this.startedMs
    if (failure === undefined) return
    this.flag = failure.row.flag
    this.reason = failure.message
  }
}
