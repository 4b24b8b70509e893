/**
 * A listener for each port of each service that this workload may call: on the service's own loopback address, or
 * on a port of 127.0.0.1. They follow the snapshot; one that stays is not touched. The destination is known from
 * the listener, for raw bytes as well.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { OutboundService, Protocol, SnapshotConfig } from '../../mesh/snapshot.ts'
import { type Arrival, type Exchange, type Handler, serving } from '../exchange.ts'
import type { HostPort, Limits } from '../settings.ts'
import { socketTransport } from '../socket-transport.ts'
import type { Log } from '../telemetry/log.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { HttpConnections } from './http-connections.ts'
import { type ListenError, type Listening, listen } from './listen.ts'
import { listenerNumbers } from './listener-numbers.ts'
import { notHttp } from './not-http.ts'
import type { TcpConnections } from './tcp-connections.ts'

export interface OutboundListenersOptions {
  readonly interception: 'loopback' | 'explicit'
  /** Ports of explicit listeners by `<service>:<port>`; the others get a free one. */
  readonly explicitPorts: ReadonlyMap<string, number>
  /** The workload beside which this proxy runs. */
  readonly workload: string
  readonly limits: Limits
  readonly handler: Handler<Exchange>
  readonly http: HttpConnections
  readonly tcp: TcpConnections
  readonly clock: Clock
  readonly log: Log
  readonly registry: MetricsRegistry
}

/** A listener that should be there: where, and what it leads to. */
interface Wanted {
  readonly bind: HostPort
  readonly service: string
  /** The port that callers dial. */
  readonly port: number
  readonly protocol: Protocol
}

interface OpenListener {
  readonly listening: Listening
  /** What it leads to may change without it being opened anew. */
  wanted: Wanted
}

export interface ListenerStatus {
  /** `<service>:<port>`. */
  readonly name: string
  readonly address: string
  readonly protocol: Protocol
}

const RETRY_MS = 5000

export class OutboundListeners {
  private readonly options: OutboundListenersOptions
  private readonly open = new Map<string, OpenListener>()
  /** Why a listener that should be there is not, by name. */
  private readonly failures = new Map<string, ListenError>()
  private retry: Timer | undefined
  private work: Promise<unknown> = Promise.resolve()
  private closed = false

  constructor(options: OutboundListenersOptions) {
    this.options = options
  }

  /**
   * Opens what is new and closes what is gone; resolves with the listeners that could not be opened. They are
   * tried again until a later snapshot no longer wants them.
   */
  follow(config: SnapshotConfig): Promise<readonly ListenError[]> {
    const followed = this.work.then(() => this.reconcile(config))
    this.work = followed
    return followed
  }

  status(): ListenerStatus[] {
    return [...this.open].map(([name, { wanted, listening }]) => ({
      name,
      address: listening.address,
      protocol: wanted.protocol,
    }))
  }

  get errors(): readonly string[] {
    return [...this.failures.values()].map(({ message }) => message)
  }

  /** Ports of this proxy that nothing outside the mesh may be reached through. */
  get addresses(): readonly Listening[] {
    return [...this.open.values()].map(({ listening }) => listening)
  }

  /** Accepts no more. */
  close(): void {
    this.closed = true
    this.retry?.cancel()
    for (const { listening } of this.open.values()) listening.close()
    this.open.clear()
  }

  private async reconcile(config: SnapshotConfig): Promise<readonly ListenError[]> {
    this.retry?.cancel()
    const wanted = new Map(config.outbound.flatMap(service => this.wantedBy(service)))
    for (const [name, { wanted: had, listening }] of this.open) {
      if (isSame(wanted.get(name)?.bind, had.bind)) continue
      listening.close()
      this.open.delete(name)
    }
    this.failures.clear()
    for (const [name, next] of wanted) await this.ensure(name, next)
    if (this.failures.size > 0 && !this.closed) {
      this.retry = this.options.clock.after(RETRY_MS, () => void this.follow(config))
    }
    return [...this.failures.values()]
  }

  private wantedBy({ service, address, ports }: OutboundService): [string, Wanted][] {
    const { interception, explicitPorts } = this.options
    // Without an address the control plane has not allocated one yet: a later snapshot brings it.
    if (interception === 'loopback' && address === undefined) return []
    return ports.map(({ port, protocol }) => {
      const name = `${service}:${port}`
      const bind =
        interception === 'explicit'
          ? { host: '127.0.0.1', port: explicitPorts.get(name) ?? 0 }
          : { host: address ?? '', port }
      return [name, { bind, service, port, protocol }]
    })
  }

  private async ensure(name: string, wanted: Wanted): Promise<void> {
    const had = this.open.get(name)
    if (had !== undefined) {
      had.wanted = wanted
      return
    }
    const { limits, registry, log } = this.options
    const { maxConnections } = limits
    let listener: OpenListener | undefined
    try {
      const listening = await listen({
        ...wanted.bind,
        name,
        maxConnections,
        ...listenerNumbers(name, maxConnections, registry, log),
        onConnection: socket => this.accepted(socket, listener?.wanted ?? wanted),
      })
      if (this.closed) {
        listening.close()
        return
      }
      listener = { listening, wanted }
      this.open.set(name, listener)
      log.info({ event: 'listener', name, address: listening.address }, `${name} is at ${listening.address}`)
    } catch (error) {
      const failure = error as ListenError
      this.failures.set(name, failure)
      log.error(
        { event: 'listener-failed', name, code: failure.code, reason: failure.message },
        failure.message,
      )
    }
  }

  private accepted(socket: Socket, { service, port, protocol }: Wanted): void {
    const { http, tcp, handler, clock, log, workload } = this.options
    const transport = socketTransport(socket)
    const arrival: Arrival = {
      direction: 'outbound',
      service,
      port,
      source: workload,
      sourceId: undefined,
      meshPeer: false,
      tlsProtocol: undefined,
      remoteAddress: transport.remoteAddress,
    }
    if (protocol === 'tcp') {
      tcp.begin(transport, arrival)
      return
    }
    const onProtocolError = notHttp(arrival, log)
    http.begin(transport, { scheme: 'http', serve: serving(handler, clock, arrival), onProtocolError })
  }
}

const isSame = (a: HostPort | undefined, b: HostPort): boolean => a?.host === b.host && a.port === b.port
