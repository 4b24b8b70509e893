/**
 * The mesh port: other sidecars connect here, and, where a port of this workload allows plaintext, others. What a
 * connection is for comes from the TLS handshake; plaintext is looked at only if there is a port that takes it.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../mesh/clock.ts'
import type { InboundPort, SnapshotConfig } from '../../mesh/snapshot.ts'
import { type Arrival, type Exchange, type Handler, serving } from '../exchange.ts'
import type { SecureContexts } from '../identity/secure-contexts.ts'
import type { HostPort, Limits } from '../settings.ts'
import { socketTransport } from '../socket-transport.ts'
import type { Log } from '../telemetry/log.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { lookAtOpening, type Opening } from './first-bytes.ts'
import type { HttpConnections, Serving } from './http-connections.ts'
import { InboundPorts } from './inbound-ports.ts'
import { type Listening, listen } from './listen.ts'
import { listenerNumbers } from './listener-numbers.ts'
import type { TcpConnections } from './tcp-connections.ts'
import { type Peer, TlsAcceptor } from './tls-acceptor.ts'

export interface InboundListenerOptions {
  readonly address: HostPort
  readonly limits: Limits
  readonly contexts: SecureContexts
  readonly handler: Handler<Exchange>
  readonly http: HttpConnections
  readonly tcp: TcpConnections
  readonly clock: Clock
  readonly log: Log
  readonly registry: MetricsRegistry
}

const HANDSHAKE_TIMEOUT_MS = 10_000
/** Who speaks first in a protocol of plain bytes may be the app: then nothing comes, and waiting would be for ever. */
const SILENCE_MS = 300
const NO_PORTS = new InboundPorts({ inbound: [], workload: '', domain: '' })
/** Requests that name no service of this workload. Not what they say: it would become the label of a metric. */
const NOWHERE = { service: '-', port: 0 }

export class InboundListener {
  private readonly options: InboundListenerOptions
  private readonly acceptor: TlsAcceptor
  private ports = NO_PORTS
  private listening: Listening | undefined

  constructor(options: InboundListenerOptions) {
    this.options = options
    this.acceptor = new TlsAcceptor({
      contexts: options.contexts,
      ports: () => this.ports,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      log: options.log,
      refusals: options.registry.counter(
        'selvage_peers_refused_total',
        'Inbound connections refused in or after the TLS handshake.',
      ),
      onConnection: (socket, port, peer) => this.accepted(socket, port, peer),
    })
  }

  /** Rejects with a `ListenError`. */
  async start(): Promise<Listening> {
    const { address, limits, registry, log } = this.options
    const name = 'inbound'
    this.listening = await listen({
      ...address,
      name,
      maxConnections: limits.maxConnections,
      ...listenerNumbers(name, limits.maxConnections, registry, log),
      onConnection: socket => this.connected(socket),
    })
    return this.listening
  }

  /** The ports of the snapshot in force; connections that are open stay what they are. */
  use(config: SnapshotConfig): void {
    this.ports = new InboundPorts(config)
  }

  /** Accepts no more. */
  close(): void {
    this.listening?.close()
  }

  private connected(socket: Socket): void {
    if (!this.ports.takesPlaintext) {
      this.acceptor.accept(socket)
      return
    }
    const { clock, limits } = this.options
    const waitMs = this.ports.forBytes() === undefined ? limits.headerTimeoutMs : SILENCE_MS
    lookAtOpening(socket, clock, waitMs, opening => this.opened(socket, opening))
  }

  private opened(socket: Socket, opening: Opening): void {
    if (opening === 'tls') {
      this.acceptor.accept(socket)
      return
    }
    const bytes = opening === 'http' ? undefined : this.ports.forBytes()
    if (bytes !== undefined) {
      this.options.tcp.begin(socketTransport(socket), plainArrival(socket, bytes))
      return
    }
    if (opening === 'silence') {
      socket.destroy()
      return
    }
    this.options.http.begin(socketTransport(socket), this.plainServing(socket))
  }

  private accepted(socket: TLSSocket, port: InboundPort, peer: Peer): void {
    const { http, tcp, handler, clock } = this.options
    const arrival: Arrival = {
      direction: 'inbound',
      service: port.service,
      port: port.port,
      source: peer.workload,
      sourceId: peer.spiffeId,
      meshPeer: peer.isSidecar,
      tlsProtocol: socket.getProtocol() ?? undefined,
      remoteAddress: remoteOf(socket),
    }
    const transport = socketTransport(socket)
    if (port.protocol === 'tcp') {
      tcp.begin(transport, arrival)
      return
    }
    // The scheme is that of the request as the app would see it without a mesh.
    http.begin(transport, {
      scheme: 'http',
      serve: serving(handler, clock, arrival),
      onProtocolError: this.complaint(arrival),
    })
  }

  /** Host names the service: what plaintext requests are for is decided one by one. */
  private plainServing(socket: Socket): Serving {
    const { handler, clock } = this.options
    const remote = plainArrival(socket, NOWHERE)
    const arrivals = new Map<InboundPort, Arrival>()
    const arrivalOf = (authority: string): Arrival => {
      const port = this.ports.forHost(authority)
      if (port === undefined) return remote
      let arrival = arrivals.get(port)
      if (arrival === undefined) {
        arrival = plainArrival(socket, port)
        arrivals.set(port, arrival)
      }
      return arrival
    }
    return {
      scheme: 'http',
      serve: request => serving(handler, clock, arrivalOf(request.authority))(request),
      onProtocolError: this.complaint(remote),
    }
  }

  private complaint({ service, port, source, remoteAddress }: Arrival): Serving['onProtocolError'] {
    return failure =>
      this.options.log.warn(
        {
          event: 'protocol-error',
          direction: 'inbound',
          service,
          port,
          source,
          remote: remoteAddress,
          reason: failure.message,
        },
        `${source ?? remoteAddress} sent something to ${service}:${port} that is refused: ${failure.message}`,
      )
  }
}

const remoteOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`

const plainArrival = (socket: Socket, { service, port }: Pick<InboundPort, 'service' | 'port'>): Arrival => ({
  direction: 'inbound',
  service,
  port,
  source: undefined,
  sourceId: undefined,
  meshPeer: false,
  tlsProtocol: undefined,
  remoteAddress: remoteOf(socket),
})
