/**
 * What leaves the mesh through the HTTP proxy: plain HTTP and tunnels to hosts that are no service. No routes, no
 * retries, no mutual TLS; logged, counted and traced like the rest, and refused where the mesh's policy or the
 * guard says so.
 */
import type { Clock } from '../../mesh/clock.ts'
import type { SnapshotConfig } from '../../mesh/snapshot.ts'
import type { Attempt } from '../attempt.ts'
import { type Exchange, eachAttempt, type Filter, type Handler, stack } from '../exchange.ts'
import { Failure } from '../failure.ts'
import { accessLog } from '../filter/access-log.ts'
import { metrics } from '../filter/metrics.ts'
import { rescue } from '../filter/rescue.ts'
import { timeout } from '../filter/timeout.ts'
import { trace } from '../filter/trace.ts'
import type { AccessLog } from '../telemetry/access-log.ts'
import type { Log } from '../telemetry/log.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import type { Transport } from '../transport.ts'
import type { Connector, Destination } from '../upstream/connector.ts'
import type { EgressGuard } from './egress-guard.ts'
import type { MeshNames } from './mesh-names.ts'

export interface EgressOptions {
  /** Of the snapshot in force. */
  readonly policy: () => SnapshotConfig['egress']
  readonly names: () => MeshNames
  readonly guard: EgressGuard
  readonly connector: Connector
  readonly clock: Clock
  readonly accessLog: AccessLog
  readonly tracer: Tracer
  readonly registry: MetricsRegistry
  readonly log: Log
}

const CONNECT_TIMEOUT_MS = 5000
/** Nobody said how long a server out there may take; only silence ends a request. */
const TIMEOUT = { requestMs: 0, idleMs: 300_000, tcpIdleMs: 3_600_000, connectMs: CONNECT_TIMEOUT_MS }
const NO_EVENTS = { onChange() {}, onClose() {} }

export class Egress {
  private readonly options: EgressOptions

  constructor(options: EgressOptions) {
    this.options = options
  }

  /** For requests in absolute-form to hosts outside. */
  handler(): Handler<Exchange> {
    const { accessLog: log, tracer, registry, log: ownLog, clock } = this.options
    return stack(
      [
        accessLog({ log }),
        trace({ tracer, registry }),
        metrics({ registry }),
        rescue({ log: ownLog }),
        onlySilenceEnds,
        timeout({ clock }),
      ],
      eachAttempt(attempt => this.forward(attempt)),
    )
  }

  /** A connection to a host outside, for a tunnel. Rejects with a `Failure`. */
  async open(host: string, port: number): Promise<Transport> {
    return this.options.connector.open(await this.destination(host, port, 'tcp'), CONNECT_TIMEOUT_MS)
  }

  private async forward(attempt: Attempt) {
    try {
      const { host, port } = splitAuthority(attempt.authority, 80)
      const destination = await this.destination(host, port, 'http')
      const connection = await this.options.connector.connect(destination, CONNECT_TIMEOUT_MS, NO_EVENTS)
      if (attempt.cancelledBy !== undefined) {
        connection.destroy()
        throw attempt.cancelledBy
      }
      const response = connection.send(attempt)
      connection.drain()
      return await response
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure('internal', String(error))
      return attempt.fail(failure)
    }
  }

  private async destination(host: string, port: number, protocol: 'http' | 'tcp'): Promise<Destination> {
    if (this.options.names().find(host, port).kind === 'unknown') {
      throw new Failure('unknown-service', `${host} is not a service of the mesh that this workload may call`)
    }
    if (this.options.policy() === 'registry-only') {
      const why = 'the mesh allows no calls to hosts outside it (egress: registry-only)'
      throw new Failure('egress-refused', `${host} is not a service that this workload may call, and ${why}`)
    }
    return { address: await this.options.guard.addressOf(host, port), port, protocol, tls: undefined }
  }
}

const onlySilenceEnds: Filter<Exchange> = next => exchange => {
  exchange.timeout = TIMEOUT
  return next(exchange)
}

/** `example.com:8080`, `[::1]`; lower case as the codec gives it. */
export function splitAuthority(authority: string, defaultPort: number): { host: string; port: number } {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority) ?? []
  return { host, port: port === undefined ? defaultPort : Number(port) }
}
