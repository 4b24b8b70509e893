/**
 * Whichever HTTP a client speaks: as TLS has agreed (ALPN), or, in plaintext, as its first bytes say (RFC 9113 3.3: a
 * client with prior knowledge begins with the preface of HTTP/2, whose method nobody else may use).
 */
import type { Transport } from '../transport.ts'
import { ALPN } from './alpn.ts'
import type { ServerCodec, ServerConnection, ServerOptions } from './codec.ts'
import { type Deadlines, deadlinesOf, Watched } from './deadlines.ts'
import { http1Server } from './http1/server.ts'
import { CLIENT_PREFACE } from './http2/protocol.ts'
import { http2Server } from './http2/server.ts'

export const httpServer: ServerCodec = (transport, options) => {
  const alpn = transport.tls?.alpn
  if (alpn === undefined) return new UndecidedConnection(transport, options)
  return alpn === ALPN.http2 || alpn === ALPN.http2Plain
    ? http2Server(transport, options)
    : http1Server(transport, options)
}

/** How long a connection without a request stays open when draining begins. */
const DRAIN_GRACE_MS = 1000

/** `PRI` and no more may be a first segment; with less it may be a POST. */
const DECISIVE_BYTES = 3

/** Whether a connection that begins with these bytes speaks HTTP/2. */
export function opensHttp2(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, CLIENT_PREFACE.length)
  return length >= DECISIVE_BYTES && bytes.compare(CLIENT_PREFACE, 0, length, 0, length) === 0
}

/** A connection of which nothing was read. */
class UndecidedConnection extends Watched implements ServerConnection {
  private readonly transport: Transport
  private readonly options: ServerOptions
  private readonly deadlines: Deadlines
  private decided: ServerConnection | undefined = undefined
  private draining = false

  constructor(transport: Transport, options: ServerOptions) {
    super()
    this.transport = transport
    this.options = options
    this.deadlines = deadlinesOf(options.clock)
    transport.onRead = chunk => this.decide(chunk)
    transport.onReadEnd = () => transport.end()
    transport.onClose = () => this.closed()
    this.deadlines.add(this)
    this.deadlineMs = this.deadlines.in(options.limits.keepAliveTimeoutMs)
    transport.resume()
  }

  get active(): number {
    return this.decided?.active ?? 0
  }

  /** A first request may be on its way already. */
  drain(): void {
    this.draining = true
    if (this.decided === undefined) this.deadlineMs = this.deadlines.in(DRAIN_GRACE_MS)
    else this.decided.drain()
  }

  destroy(): void {
    if (this.decided === undefined) this.transport.destroy()
    else this.decided.destroy()
  }

  private decide(chunk: Buffer): void {
    this.deadlines.remove(this)
    const codec = opensHttp2(chunk) ? http2Server : http1Server
    this.decided = codec(this.transport, this.options)
    if (this.draining) this.decided.drain()
    this.transport.onRead(chunk)
  }

  private closed(): void {
    this.deadlines.remove(this)
    this.options.onClose()
  }

  override onDeadline(): void {
    this.transport.destroy()
  }
}
