/**
 * The client side of an HTTP/1.1 connection: one request at a time.
 *
 * **What no app has seen.** A request that breaks may be sent again whatever its method if no app can have got it
 * (`not-processed`). We say so in two cases only.
 *
 * 1. The first write of the request failed at once: not one byte of it left the process. (A connection that was
 *    idle may have been closed by the other side long before we know; but when a write succeeds, the bytes may have
 *    arrived before the close, and nobody can tell.)
 * 2. The other side is a sidecar of this mesh, the method is not idempotent, and the connection broke without a `102
 *    Processing`. That sidecar writes the 102 *before* it gives the request to its app, and gives it only when those
 *    bytes were accepted by its kernel. If the process then dies, its kernel still sends them, and FIN or RST behind
 *    them; we read everything that arrived before we look at the end. So a connection that ends without a 102 ended
 *    before the app got the request. What remains is a segment that is lost in the network in the very moment in
 *    which its sender dies: the bytes are then gone with their sender's kernel buffers only if the whole host died,
 *    and from a dead host comes neither FIN nor RST but silence, which is a timeout and no verdict.
 *
 * Idempotent requests are not announced; their retry is safe as it is (`upstream-reset`).
 */
import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock, HeaderEdits } from '../../header-block.ts'
import { isIdempotent, type OutgoingRequest, type Response } from '../../message.ts'
import { out } from '../../out-buffer.ts'
import type { Transport } from '../../transport.ts'
import type { ClientCodec, ClientConnection, ClientOptions } from '../codec.ts'
import { type Deadlines, deadlinesOf, NEVER, Watched } from '../deadlines.ts'
import { CHUNKED } from './body-length.ts'
import { BodyWriter, type WrittenMessage } from './body-writer.ts'
import { hasDoubtfulBody, writeRequestHead } from './message-head.ts'
import { ResponseReader, type ResponseReaderOwner } from './response-reader.ts'

export const http1Client: ClientCodec = (transport, options) => new Http1ClientConnection(transport, options)

class Http1ClientConnection extends Watched implements ClientConnection, ResponseReaderOwner, WrittenMessage {
  sent = 0
  private readonly transport: Transport
  private readonly options: ClientOptions
  private readonly deadlines: Deadlines
  private readonly reader: ResponseReader
  private readonly writer: BodyWriter
  private phase: 'idle' | 'busy' | 'over' = 'idle'
  /** Takes no request after the one that runs. */
  private last = false
  private request: OutgoingRequest | undefined = undefined
  private resolve: (response: Response) => void = nothing
  private reject: (failure: Failure) => void = nothing
  private requestSent = false
  private responded = false
  /** The peer has said that it gives the request to its app. */
  private announced = false
  /** The transport has said that it is closed. */
  private isGone = false
  private closedBy: Error | undefined = undefined
  private readonly onCancel = (failure: Failure): void => this.fail(failure)
  private readonly hold = (
    resolve: (response: Response) => void,
    reject: (failure: Failure) => void,
  ): void => {
    this.resolve = resolve
    this.reject = reject
  }

  constructor(transport: Transport, options: ClientOptions) {
    super()
    this.transport = transport
    this.options = options
    this.deadlines = deadlinesOf(options.clock)
    this.reader = new ResponseReader(transport, options.limits, this)
    this.writer = new BodyWriter(transport, this)
    transport.onDrain = () => this.onDrain()
    transport.onClose = error => this.onTransportClose(error)
    this.deadlines.add(this)
    this.deadlineMs = this.deadlines.in(options.limits.keepAliveTimeoutMs)
    transport.resume()
  }

  get capacity(): number {
    return this.phase === 'idle' && !this.last ? 1 : 0
  }

  get exhausted(): boolean {
    return this.last || this.phase === 'over'
  }

  send(request: OutgoingRequest): Promise<Response> {
    if (this.capacity === 0) return unsent(request)
    this.sent++
    this.phase = 'busy'
    this.request = request
    this.responded = false
    this.announced = false
    if (hasDoubtfulBody(request.method, request.body.length)) this.last = true
    this.deadlineMs = NEVER
    request.onCancel = this.onCancel
    const response = new Promise<Response>(this.hold)
    this.reader.expect(request.method)
    this.write(request)
    return response
  }

  drain(): void {
    if (this.last) return
    this.last = true
    if (this.phase === 'idle') this.close()
  }

  destroy(failure: Failure = DESTROYED): void {
    this.last = true
    if (this.phase === 'busy') this.fail(failure)
    else this.close()
  }

  // The request goes out.

  private write(request: OutgoingRequest): void {
    const { body } = request
    this.requestSent = body.length === 0
    this.writer.begin(body.length ?? CHUNKED)
    writeRequestHead(this.writer, request)
    if (this.requestSent) this.writer.close()
    else body.pipe(this.writer)
    this.writer.uncork()
    // Nothing could be written; `onClose` would tell it later.
    if (!this.writer.hasWritten && this.request === request) this.fail(this.verdict())
  }

  bodyWritten(): void {
    this.requestSent = true
    this.watch()
  }

  bodyStalled(): void {
    this.watch()
  }

  /** Whoever sends the request has broken off: the other side must not take it for complete. */
  bodyBroken(failure: Failure): void {
    this.fail(failure)
  }

  private onDrain(): void {
    if (!this.writer.blocked) return
    this.writer.blocked = false
    if (!this.requestSent) this.request?.body.resume()
    this.watch()
  }

  // The response comes in.

  interimRead(status: number, headers: HeaderBlock): void {
    if (status === 100) return
    if (status === 102 && this.options.meshPeer) this.announced = true
    else this.request?.onInterim?.(status, headers)
  }

  headRead(status: number, headers: HeaderBlock, body: BodySource, persists: boolean): void {
    this.responded = true
    if (!persists) this.last = true
    this.resolve(new ClientResponse(status, headers, body))
    this.watch()
  }

  bodyProgress(): void {
    this.watch()
  }

  responseDelivered(isLastByte: boolean): void {
    const request = this.request!
    // RFC 9112 9.5: an answer before the end of the request means that the rest is not wanted.
    const isEarly = !this.requestSent
    if (isEarly || !isLastByte || this.reader.ended || this.isGone) this.last = true
    this.phase = 'idle'
    this.request = undefined
    request.onCancel = undefined
    if (isEarly) this.breakRequest(request, EARLY)
    request.onEnd(undefined)
    if (this.last) this.close()
    else {
      this.deadlineMs = this.deadlines.in(this.options.limits.keepAliveTimeoutMs)
      this.options.onChange(this)
    }
  }

  responseCancelled(failure: Failure): void {
    this.fail(failure)
  }

  refused(failure: Failure): void {
    if (this.phase === 'busy') this.fail(failure)
    else this.close()
  }

  inputEnded(): void {
    if (this.phase === 'busy') this.fail(this.verdict())
    else this.close()
  }

  // It is over.

  private onTransportClose(error: Error | undefined): void {
    this.last = true
    this.isGone = true
    this.closedBy = error
    this.reader.broken = error !== undefined
    // A response that was read as a whole is good, though its reader may still be at it.
    this.reader.connectionEnded()
    if (this.phase === 'idle') this.phase = 'over'
    this.deadlines.remove(this)
    this.options.onClose(this)
  }

  /** What became of a request whose connection is gone. */
  private verdict(): Failure {
    const how =
      this.closedBy === undefined
        ? 'closed the connection'
        : `broke the connection (${this.closedBy.message})`
    if (!this.writer.hasSent)
      return new Failure('not-processed', `it ${how} before a byte of the request was sent`)
    if (this.responded) return new Failure('upstream-reset', `it ${how} within its response`)
    const unseen = this.options.meshPeer && !this.announced && !this.reader.begun
    return unseen && !isIdempotent(this.request!.method)
      ? new Failure('not-processed', `its sidecar ${how} before it gave the request to its app`)
      : new Failure('upstream-reset', `it ${how} before it answered`)
  }

  /** The exchange cannot be completed, and so the connection cannot be used again. */
  private fail(failure: Failure): void {
    const { request } = this
    if (this.phase !== 'busy' || request === undefined) return
    this.phase = 'over'
    this.last = true
    this.request = undefined
    request.onCancel = undefined
    this.breakRequest(request, failure)
    this.reader.close(failure)
    if (!this.responded) this.reject(failure)
    request.onEnd(failure)
    this.transport.destroy()
  }

  private breakRequest(request: OutgoingRequest, failure: Failure): void {
    out.drop(this.writer)
    this.writer.close()
    if (!this.requestSent) request.body.cancel(failure)
  }

  /** Without an exchange. */
  private close(): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.last = true
    this.transport.destroy()
    this.options.onChange(this)
  }

  private watch(): void {
    if (this.phase !== 'busy') return
    const awaits = this.writer.blocked || (this.responded && this.reader.awaitsBody)
    this.deadlineMs = awaits ? this.deadlines.in(this.options.limits.bodyIdleTimeoutMs) : NEVER
  }

  override onDeadline(): void {
    const { bodyIdleTimeoutMs } = this.options.limits
    if (this.phase === 'busy')
      this.fail(new Failure('idle-timeout', `no byte moved for ${bodyIdleTimeoutMs} ms`))
    else this.close()
  }
}

class ClientResponse implements Response {
  readonly status: number
  readonly headers: HeaderBlock
  readonly body: BodySource
  edits: HeaderEdits | undefined = undefined

  constructor(status: number, headers: HeaderBlock, body: BodySource) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}

const nothing = (): void => {}

const EARLY = new Failure('cancelled', 'the request was answered before it was sent as a whole')

const DESTROYED = new Failure('cancelled', 'the connection was closed by this sidecar')

/** Nothing of the request was written. */
function unsent(request: OutgoingRequest): Promise<never> {
  const failure = new Failure('not-processed', 'the connection was closed before the request could be sent')
  request.onEnd(failure)
  return Promise.reject(failure)
}
