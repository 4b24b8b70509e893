/**
 * The proxy that `HTTP_PROXY` points to, on 127.0.0.1: requests in absolute-form and CONNECT. Names of the mesh go
 * through the mesh, with everything that belongs to it; other hosts leave by `egress`.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../mesh/clock.ts'
import { CONNECTED, failureReply } from '../codec/http1/own-reply.ts'
import { type Tunnel, tunnel } from '../codec/tcp/tunnel.ts'
import { type Arrival, type Exchange, type Handler, serving } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Request } from '../message.ts'
import type { Limits } from '../settings.ts'
import { socketTransport } from '../socket-transport.ts'
import type { Log } from '../telemetry/log.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Transport } from '../transport.ts'
import { type Egress, splitAuthority } from './egress.ts'
import type { HttpConnections } from './http-connections.ts'
import { type Listening, listen } from './listen.ts'
import { listenerNumbers } from './listener-numbers.ts'
import type { MeshNames } from './mesh-names.ts'
import { notHttp } from './not-http.ts'
import type { TcpConnections } from './tcp-connections.ts'

export interface HttpProxyOptions {
  readonly port: number
  readonly workload: string
  readonly limits: Limits
  /** Of the snapshot in force. */
  readonly names: () => MeshNames
  /** For services of the mesh. */
  readonly handler: Handler<Exchange>
  readonly egress: Egress
  readonly http: HttpConnections
  readonly tcp: TcpConnections
  readonly clock: Clock
  readonly log: Log
  readonly registry: MetricsRegistry
}

const NAME = 'http-proxy'
/** Hosts outside have no service; their names would become labels of metrics. */
const OUTSIDE = '-'
const TUNNEL_IDLE_MS = 3_600_000
const LINGER_MS = 2000

export class HttpProxy {
  private readonly options: HttpProxyOptions
  private readonly outside: Handler<Exchange>
  private readonly tunnels = new Set<Tunnel>()
  private listening: Listening | undefined

  constructor(options: HttpProxyOptions) {
    this.options = options
    this.outside = options.egress.handler()
  }

  /** Rejects with a `ListenError`. */
  async start(): Promise<Listening> {
    const { port, limits, registry, log } = this.options
    const { maxConnections } = limits
    this.listening = await listen({
      host: '127.0.0.1',
      port,
      name: NAME,
      maxConnections,
      ...listenerNumbers(NAME, maxConnections, registry, log),
      onConnection: socket => this.accepted(socket),
    })
    return this.listening
  }

  /** Accepts no more. */
  close(): void {
    this.listening?.close()
  }

  /** Breaks the tunnels to hosts outside. */
  destroy(failure: Failure): void {
    for (const open of this.tunnels) open.cancel(failure)
  }

  private accepted(socket: Socket): void {
    const { http, log } = this.options
    const transport = socketTransport(socket)
    const arrivals = new Arrivals(this.options.workload, transport.remoteAddress)
    http.begin(transport, {
      scheme: 'http',
      serve: request => this.serve(request, arrivals),
      onProtocolError: notHttp(arrivals.of(NAME, 0), log),
      onConnect: (authority, taken) => void this.connect(authority, taken, arrivals),
    })
  }

  private serve(request: Request, arrivals: Arrivals) {
    const { handler, clock, names } = this.options
    const { host, port } = splitAuthority(request.authority, 80)
    const named = names().find(host, port)
    return named.kind === 'service'
      ? serving(handler, clock, arrivals.of(named.service, port))(request)
      : serving(this.outside, clock, arrivals.of(OUTSIDE, port))(request)
  }

  /** A tunnel to a service carries what the service speaks; through the others we see nothing. */
  private async connect(authority: string, transport: Transport, arrivals: Arrivals): Promise<void> {
    const { names, http, tcp, handler, clock, log } = this.options
    const { host, port } = splitAuthority(authority, 443)
    const named = names().find(host, port)
    if (named.kind !== 'service') {
      await this.connectOutside(host, port, transport)
      return
    }
    transport.write(CONNECTED)
    const arrival = arrivals.of(named.service, port)
    if (named.protocol === 'tcp') tcp.begin(transport, arrival)
    else
      http.begin(transport, {
        scheme: 'http',
        serve: serving(handler, clock, arrival),
        onProtocolError: notHttp(arrival, log),
      })
  }

  private async connectOutside(host: string, port: number, transport: Transport): Promise<void> {
    const { egress, clock } = this.options
    try {
      const upstream = await egress.open(host, port)
      transport.write(CONNECTED)
      const open: Tunnel = tunnel(transport, upstream, {
        clock,
        idleTimeoutMs: TUNNEL_IDLE_MS,
        onEnd: () => this.tunnels.delete(open),
      })
      this.tunnels.add(open)
    } catch (error) {
      this.refuse(
        transport,
        host,
        port,
        error instanceof Failure ? error : new Failure('internal', String(error)),
      )
    }
  }

  private refuse(transport: Transport, host: string, port: number, failure: Failure): void {
    const { clock, log } = this.options
    const fields = { event: 'tunnel-refused', host, port, code: failure.code, reason: failure.message }
    log.warn(fields, `CONNECT ${host}:${port} is refused: ${failure.message}`)
    transport.write(failureReply(failure, new Date(clock.now()).toUTCString()))
    transport.end()
    // The client closes when it has read that; what it still sends is read away for a while.
    const timer = clock.after(LINGER_MS, () => transport.destroy())
    transport.onReadEnd = () => transport.destroy()
    transport.onClose = () => timer.cancel()
    transport.resume()
  }
}

/** One value for each service and port that a connection asks for. */
class Arrivals {
  private readonly known = new Map<string, Arrival>()
  private readonly workload: string
  private readonly remoteAddress: string

  constructor(workload: string, remoteAddress: string) {
    this.workload = workload
    this.remoteAddress = remoteAddress
  }

  of(service: string, port: number): Arrival {
    const key = `${service}:${port}`
    let arrival = this.known.get(key)
    if (arrival === undefined) {
      arrival = {
        direction: 'outbound',
        service,
        port,
        source: this.workload,
        sourceId: undefined,
        meshPeer: false,
        tlsProtocol: undefined,
        remoteAddress: this.remoteAddress,
      }
      this.known.set(key, arrival)
    }
    return arrival
  }
}
