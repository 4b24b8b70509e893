/**
 * Connections over real sockets: plain to apps, mutual TLS to sidecars. The peer's SPIFFE ID is compared before a
 * byte of the request is sent; what the certificate says otherwise, host names included, does not matter.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '../../mesh/clock.ts'
import type { Protocol } from '../../mesh/snapshot.ts'
import { offeredAlpn } from '../codec/alpn.ts'
import type { ClientConnection, CodecLimits } from '../codec/codec.ts'
import { httpClient, isHttp2Protocol } from '../codec/http-client.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Defence, type Http2Limits } from '../codec/http2/limits.ts'
import { Failure } from '../failure.ts'
import type { SecureContexts } from '../identity/secure-contexts.ts'
import { spiffeIdOf } from '../identity/spiffe-id.ts'
import { socketTransport } from '../socket-transport.ts'
import type { Transport } from '../transport.ts'
import type { ConnectionEvents, Connector, Destination, DestinationTls } from './connector.ts'

export interface SocketConnectorOptions {
  readonly contexts: SecureContexts
  readonly limits: CodecLimits
  readonly http2?: Http2Limits
  readonly clock: Clock
  /** A connection of HTTP/2 was ended in self-defence. */
  readonly onDefence?: (defence: Http2Defence) => void
}

/** What everybody who speaks HTTP/2 takes at least (RFC 9113 6.5.2). */
const STREAMS = 100

export class SocketConnector implements Connector {
  private readonly options: SocketConnectorOptions

  constructor(options: SocketConnectorOptions) {
    this.options = options
  }

  async connect(
    destination: Destination,
    timeoutMs: number,
    events: ConnectionEvents,
  ): Promise<ClientConnection> {
    const transport = await this.open(destination, timeoutMs)
    const { limits, http2 = DEFAULT_HTTP2_LIMITS, clock, onDefence = () => {} } = this.options
    return httpClient(destination.protocol)(transport, {
      limits,
      http2,
      clock,
      onDefence,
      meshPeer: destination.tls !== undefined,
      onChange: connection => events.onChange(connection),
      onClose: connection => events.onClose(connection),
    })
  }

  /** Sidecars speak HTTP/2 to each other whatever their apps speak. */
  expectedCapacity({ protocol, tls }: Destination): number {
    return tls !== undefined || isHttp2Protocol(protocol) ? STREAMS : 1
  }

  open(destination: Destination, timeoutMs: number): Promise<Transport> {
    const { tls } = destination
    return tls === undefined
      ? this.openPlain(destination, timeoutMs)
      : this.openTls(destination, tls, timeoutMs)
  }

  private openPlain({ address, port }: Destination, timeoutMs: number): Promise<Transport> {
    const socket = connectTcp({ host: address, port, allowHalfOpen: true, noDelay: true })
    return this.established(socket, 'connect', `${address}:${port}`, timeoutMs, () => undefined)
  }

  private openTls(destination: Destination, tls: DestinationTls, timeoutMs: number): Promise<Transport> {
    const { client } = this.options.contexts
    if (client === undefined) {
      return Promise.reject(new Failure('not-ready', 'this sidecar has no certificate yet'))
    }
    const { address, port, protocol } = destination
    const socket = connectTls({
      host: address,
      port,
      servername: tls.serverName,
      secureContext: client,
      ALPNProtocols: [...offeredAlpn(protocol)],
      // The chain is verified by OpenSSL as ever; the name that counts is the SPIFFE ID.
      checkServerIdentity: () => undefined,
    })
    const where = `${address}:${port}`
    return this.established(socket, 'secureConnect', where, timeoutMs, () =>
      distrust(socket, where, tls, protocol),
    )
  }

  /** Resolves when `event` came in time and `objection` has none. */
  private established(
    socket: Socket,
    event: 'connect' | 'secureConnect',
    where: string,
    timeoutMs: number,
    objection: () => Failure | undefined,
  ): Promise<Transport> {
    return new Promise((resolve, reject) => {
      const settle = (failure: Failure | undefined) => {
        timer?.cancel()
        socket.removeListener('error', failed)
        socket.removeListener('close', closed)
        socket.removeListener(event, arrived)
        if (failure === undefined) {
          resolve(socketTransport(socket))
          return
        }
        // A socket that is given up may still have something to say.
        socket.on('error', () => {})
        socket.destroy()
        reject(failure)
      }
      const arrived = () => settle(objection())
      const failed = (error: NodeJS.ErrnoException) => settle(connectFailure(where, error))
      const closed = () =>
        settle(new Failure('connect-failure', `${where} closed the connection before it was established`))
      const tooLate = () =>
        settle(new Failure('connect-timeout', `no connection to ${where} within ${timeoutMs} ms`))
      socket.on(event, arrived)
      socket.on('error', failed)
      socket.on('close', closed)
      const timer = timeoutMs > 0 ? this.options.clock.after(timeoutMs, tooLate) : undefined
    })
  }
}

/** Why a peer with a valid chain is not who we want to talk to. */
function distrust(
  socket: TLSSocket,
  where: string,
  { identity }: DestinationTls,
  protocol: Protocol,
): Failure | undefined {
  const certificate = socket.getPeerX509Certificate()
  let found: string
  try {
    if (certificate === undefined) throw new Error('it showed no certificate')
    found = spiffeIdOf(certificate)
  } catch (error) {
    return new Failure(
      'peer-untrusted',
      `${where} is not trusted: ${(error as Error).message}, expected ${identity}`,
    )
  }
  if (found !== identity) return new Failure('peer-untrusted', `${where} is ${found}, expected ${identity}`)
  const offered = offeredAlpn(protocol)
  if (!offered.includes(socket.alpnProtocol || '')) {
    return new Failure(
      'peer-untrusted',
      `${where} does not speak ${offered.join(' or ')}: it is not a sidecar of this mesh`,
    )
  }
  return undefined
}

/** OpenSSL's codes for a chain that does not hold; Node gives them as `code`. */
const CHAIN_CODES =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|PATH_LENGTH_|CRL_|AKID_|HOSTNAME_|ERR_TLS_CERT)/

function connectFailure(where: string, error: NodeJS.ErrnoException): Failure {
  return error.code !== undefined && CHAIN_CODES.test(error.code)
    ? new Failure('peer-untrusted', `the certificate of ${where} is not trusted: ${error.message}`)
    : new Failure('connect-failure', `no connection to ${where}: ${error.message}`)
}
