/** The `Transport` over a socket of Node, plain or TLS. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { spiffeIdOf } from './identity/spiffe-id.ts'
import { type SocketReader, StreamReader, socketReader } from './socket-reader.ts'
import { type SocketWriter, StreamWriter, socketWriter } from './socket-writer.ts'
import type { TlsInfo, Transport } from './transport.ts'

/**
 * Takes over a connected socket: accepted (best before anything was read, in the 'connection' or
 * 'secureConnection' event) or connected. It is switched to half-open and no-delay; nobody else may read, write or
 * listen to it afterwards.
 */
export function socketTransport(socket: Socket, access: SocketAccess = 'direct'): Transport {
  return new SocketTransport(socket, access)
}

/**
 * `direct`: by what lies under Node's sockets, where it looks as this version knows it. `public`: by their public
 * API alone, which is what is left elsewhere.
 */
export type SocketAccess = 'direct' | 'public'

const nothing = (): void => {}

class SocketTransport implements Transport {
  onRead: (chunk: Buffer) => void = nothing
  onReadEnd: () => void = nothing
  onDrain: () => void = nothing
  onClose: (error: Error | undefined) => void = nothing
  readonly remoteAddress: string
  readonly localPort: number
  private readonly socket: Socket
  private readonly reader: SocketReader
  private readonly writer: SocketWriter
  private tlsInfo: TlsInfo | undefined
  private error: Error | undefined
  /** Somebody reads. */
  private begun = false
  private ended = false

  constructor(socket: Socket, access: SocketAccess) {
    this.socket = socket
    this.remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`
    this.localPort = socket.localPort ?? 0
    socket.allowHalfOpen = true
    socket.setNoDelay(true)
    const deliver = (chunk: Buffer): void => this.onRead(chunk)
    const drained = (): void => this.onDrain()
    this.reader = access === 'direct' ? socketReader(socket, deliver) : new StreamReader(socket, deliver)
    this.writer = access === 'direct' ? socketWriter(socket, drained) : new StreamWriter(socket, drained)
    socket.on('end', () => {
      this.ended = true
      if (this.begun) this.onReadEnd()
    })
    socket.on('error', error => {
      this.error = error
    })
    socket.on('close', () => {
      this.reader.release()
      this.onClose(this.error)
    })
  }

  write(chunk: Buffer): boolean {
    return this.writer.write(chunk)
  }

  get pendingBytes(): number {
    return this.writer.pendingBytes
  }

  get sentBytes(): number {
    return this.writer.sentBytes
  }

  flush(): void {
    this.writer.flush()
  }

  pause(): void {
    this.reader.pause()
  }

  resume(): void {
    this.reader.resume()
    if (this.begun) return
    this.begun = true
    if (this.ended) process.nextTick(() => this.onReadEnd())
  }

  bulk(on: boolean): void {
    this.reader.bulk = on
  }

  end(): void {
    this.writer.end()
  }

  destroy(): void {
    if (this.socket.destroyed) return
    this.writer.flush()
    this.socket.destroy()
  }

  reset(): void {
    if (this.socket.destroyed) return
    this.writer.flush()
    // A TLS connection cannot be reset by itself; without a close_notify the peer sees that it was cut short.
    if (this.socket instanceof TLSSocket) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  get destroyed(): boolean {
    return this.socket.destroyed
  }

  get tls(): TlsInfo | undefined {
    if (this.socket instanceof TLSSocket) this.tlsInfo ??= tlsInfoOf(this.socket)
    return this.tlsInfo
  }
}

function tlsInfoOf(socket: TLSSocket): TlsInfo {
  const certificate = socket.getPeerX509Certificate()
  const verified = socket.authorized && certificate !== undefined
  return {
    protocol: socket.getProtocol() ?? '',
    alpn: socket.alpnProtocol === false || socket.alpnProtocol === null ? undefined : socket.alpnProtocol,
    serverName: typeof socket.servername === 'string' ? socket.servername : undefined,
    peerCertificate: certificate?.raw,
    peerId: verified ? idOrNothing(() => spiffeIdOf(certificate)) : undefined,
  }
}

/** A verified certificate of another kind has no SPIFFE ID. */
function idOrNothing(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
