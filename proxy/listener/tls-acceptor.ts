/**
 * The inbound side of mutual TLS: which peers are let in, and to what. TLS 1.3 only; a client certificate is asked
 * for and verified; server name and ALPN say what the connection is for, and a name that is not ours is refused
 * during the handshake. Every refusal is logged with the peer.
 */
import { constants, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls'
import { workloadOf } from '../../mesh/protocol.ts'
import type { InboundPort } from '../../mesh/snapshot.ts'
import { acceptedAlpn, isSidecarAlpn } from '../codec/alpn.ts'
import type { SecureContexts } from '../identity/secure-contexts.ts'
import { spiffeIdOf } from '../identity/spiffe-id.ts'
import type { Log } from '../telemetry/log.ts'
import type { Counter } from '../telemetry/metrics.ts'
import type { InboundPorts } from './inbound-ports.ts'

/** Who is at the other end, proven. */
export interface Peer {
  readonly spiffeId: string
  /** Undefined for what is not a workload of this trust domain. */
  readonly workload: string | undefined
  /** It is a sidecar of this mesh. Others may speak HTTP over mutual TLS as well, but are not believed more. */
  readonly isSidecar: boolean
}

export interface TlsAcceptorOptions {
  readonly contexts: SecureContexts
  /** Of the snapshot in force. */
  readonly ports: () => InboundPorts
  readonly handshakeTimeoutMs: number
  readonly log: Log
  readonly refusals: Counter
  readonly onConnection: (socket: TLSSocket, port: InboundPort, peer: Peer) => void
}

export class TlsAcceptor {
  private readonly options: TlsAcceptorOptions
  private readonly server: Server
  private ready = false
  /** What a peer has shown, for the log of its refusal: Node forgets it when it closes the connection. */
  private readonly shown = new WeakMap<Socket, X509Certificate>()
  private readonly remotes = new WeakMap<Socket, string>()

  constructor(options: TlsAcceptorOptions) {
    this.options = options
    const acceptor = this
    this.server = createServer({
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: options.handshakeTimeoutMs,
      ALPNCallback: ({ servername, protocols }) => this.chooseAlpn(servername, protocols),
      SNICallback(this: unknown, name, done) {
        acceptor.rememberShown(this)
        const known = options.ports().named(name) !== undefined
        if (known) done(null)
        else done(new Error(`it asked for "${name.slice(0, 255)}", which this workload does not answer for`))
      },
    })
    options.contexts.watch(context => this.use(context))
    this.server.on('secureConnection', socket => this.accepted(socket))
    this.server.on('tlsClientError', (error, socket) => this.failed(error, socket))
  }

  /** Takes a connection over, before anything was read from it or with what was read put back. */
  accept(socket: Socket): void {
    if (!this.ready) {
      socket.destroy()
      return
    }
    this.remotes.set(socket, `${socket.remoteAddress}:${socket.remotePort}`)
    this.server.emit('connection', socket)
  }

  private use(context: SecureContextOptions): void {
    // No resumption: a ticket outlives the verdict on a certificate, and pools make handshakes rare.
    this.server.setSecureContext({ ...context, secureOptions: constants.SSL_OP_NO_TICKET })
    this.ready = true
  }

  /** Undefined: none of them, and the handshake ends there. */
  private chooseAlpn(name: string | false, offered: readonly string[]): string | undefined {
    // Without a name it is refused later, with a better reason.
    const protocol = this.options.ports().named(name || '')?.protocol
    return acceptedAlpn(protocol).find(each => offered.includes(each))
  }

  private accepted(socket: TLSSocket): void {
    const port = this.options.ports().named(socket.servername || '')
    if (port === undefined) {
      this.refuse(socket, 'it named no server: mesh connections say in SNI what they are for')
      return
    }
    const certificate = socket.getPeerX509Certificate()
    try {
      if (certificate === undefined) throw new Error('it showed no certificate')
      this.options.onConnection(socket, port, this.peerOf(socket, certificate))
    } catch (error) {
      this.refuse(socket, (error as Error).message)
    }
  }

  private peerOf(socket: TLSSocket, certificate: X509Certificate): Peer {
    const spiffeId = spiffeIdOf(certificate)
    const trustDomain = this.options.contexts.identity?.trustDomain ?? ''
    if (new URL(spiffeId).host !== trustDomain) {
      throw new Error(`it is of another trust domain than ${trustDomain}`)
    }
    const isSidecar = isSidecarAlpn(socket.alpnProtocol)
    return { spiffeId, workload: workloadOf(trustDomain, spiffeId), isSidecar }
  }

  private failed(error: Error & { code?: string }, socket: TLSSocket): void {
    // Somebody who only looked whether the port is open.
    if (error.code === 'ECONNRESET' && socket.authorizationError === null && socket.servername === null)
      return
    this.refuse(socket, reasonOf(error, socket))
  }

  private refuse(socket: TLSSocket, reason: string): void {
    const { log, refusals } = this.options
    refusals.inc()
    const raw: unknown = Reflect.get(socket, '_parent')
    const remote = this.remotes.get(raw as Socket) ?? `${socket.remoteAddress}:${socket.remotePort}`
    const certificate = this.shown.get(socket)
    const subject = certificate === undefined ? undefined : nameOf(certificate)
    const server = socket.servername || undefined
    const who = subject === undefined ? remote : `${remote} (${subject})`
    log.warn(
      { event: 'peer-refused', remote, subject, server, reason },
      `a connection from ${who} is refused: ${reason}`,
    )
    // Never from within: OpenSSL may still be on the stack.
    setImmediate(() => socket.destroy())
  }

  /** Called by Node on the socket that the name came from; nothing in the API promises that. */
  private rememberShown(caller: unknown): void {
    if (!isTlsSocket(caller)) return
    caller.prependOnceListener('secure', () => {
      const certificate = caller.getPeerX509Certificate()
      if (certificate !== undefined) this.shown.set(caller, certificate)
    })
  }
}

const isTlsSocket = (value: unknown): value is TLSSocket =>
  typeof value === 'object' && value !== null && 'getPeerX509Certificate' in value

/** SPIFFE ID if it claims one, else the subject. Text from outside: cut, and on one line. */
function nameOf(certificate: X509Certificate): string {
  const name = certificate.subjectAltName ?? certificate.subject
  return name.replace(/[\r\n]+/g, ', ').slice(0, 300)
}

/** OpenSSL's verdicts in words; Node passes the code of the chain and an error of the handshake. */
const VERDICTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (are the clocks right?)',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is not from a CA that this mesh trusts',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not from a CA that this mesh trusts',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not from a CA that this mesh trusts',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not from a CA that this mesh trusts',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate signs itself',
  CERT_SIGNATURE_FAILURE: 'its certificate is not from a CA that this mesh trusts',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'it showed no certificate',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it does not speak TLS 1.3',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'it offers no protocol that this port speaks (ALPN)',
  ERR_SSL_HTTP_REQUEST: 'it speaks plain HTTP, and this workload accepts mutual TLS only',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'it did not finish the TLS handshake in time',
}

function reasonOf(error: Error & { code?: string }, socket: TLSSocket): string {
  const verdict: unknown = socket.authorizationError
  if (typeof verdict === 'string') return VERDICTS[verdict] ?? `its certificate is not accepted: ${verdict}`
  return VERDICTS[error.code ?? ''] ?? error.message
}
