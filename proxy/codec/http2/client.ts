/**
 * The client side of an HTTP/2 connection: many requests at once.
 *
 * **What no app has seen** (`not-processed`, tried elsewhere whatever the method): streams above the last one that a
 * GOAWAY names, streams that were refused (RFC 9113 8.7), and requests of which not a byte had left this process. And
 * as over HTTP/1.1 (`http1/client.ts` says why it is sound): requests to a sidecar of this mesh that are not idempotent
 * and whose connection ended without a `102 Processing`. A connection that we gave up because nothing came any more
 * proves nothing.
 */
import { Failure } from '../../failure.ts'
import { isIdempotent, type OutgoingRequest, type Response } from '../../message.ts'
import type { Transport } from '../../transport.ts'
import type { ClientCodec, ClientConnection, ClientOptions } from '../codec.ts'
import { ClientStream } from './client-stream.ts'
import { Http2Connection } from './connection.ts'
import { encodeRequest } from './head-writer.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Defence } from './limits.ts'
import { ConnectionError, ErrorCode, errorName, MAX_STREAM_ID, Setting } from './protocol.ts'
import type { Stream } from './stream.ts'

export const http2Client: ClientCodec = (transport, options) => new Http2ClientConnection(transport, options)

class Http2ClientConnection extends Http2Connection implements ClientConnection {
  sent = 0
  private readonly options: ClientOptions
  private nextId = 1
  /** Takes no further request. */
  private last = false
  /** Why this side ends everything. */
  private destroyedBy: Failure | undefined = undefined
  private silent = false

  constructor(transport: Transport, options: ClientOptions) {
    const { limits, clock, http2 = DEFAULT_HTTP2_LIMITS } = options
    // A server that resets streams costs itself more than us: we opened them.
    const lenient = { ...http2, maxResets: Number.POSITIVE_INFINITY }
    super(transport, { limits, clock, http2: lenient, onDefence: defence => this.defended(defence) }, false)
    this.options = options
    this.open([[Setting.ENABLE_PUSH, 0]], false)
  }

  get capacity(): number {
    if (this.last || this.phase !== 'open') return 0
    const most = Math.min(this.peer.maxConcurrentStreams, this.http2.maxConcurrentStreams)
    return Math.max(0, most - this.streams.size)
  }

  get exhausted(): boolean {
    return this.last || this.phase !== 'open'
  }

  send(request: OutgoingRequest): Promise<Response> {
    if (this.capacity === 0 || this.transport.destroyed) return unsent(request)
    this.sent++
    const id = this.nextId
    this.nextId += 2
    if (this.nextId > MAX_STREAM_ID) this.last = true
    const stream = new ClientStream(this, id, this.peer.initialWindowBytes, request, this.options.meshPeer)
    stream.headAt = this.writer.position
    this.streams.add(stream)
    this.writer.headers(id, encodeRequest(this.encoder, request), request.body.length === 0)
    stream.begin()
    return stream.response
  }

  drain(): void {
    if (this.last) return
    this.last = true
    this.closeIfUnused()
  }

  destroy(failure: Failure = DESTROYED): void {
    this.last = true
    this.destroyedBy = failure
    this.breakOff(failure)
  }

  override breakOff(error: Error): void {
    this.silent = true
    this.last = true
    super.breakOff(error)
  }

  // Responses come in.

  protected headersOnNew(streamId: number): void {
    this.mustNotBeIdle(streamId, 'HEADERS')
    if (!this.closedStreams.wasResetByUs(streamId))
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS came on a stream that is closed')
  }

  protected isIdle(streamId: number): boolean {
    return (streamId & 1) === 0 || streamId >= this.nextId
  }

  protected settingsChanged(): void {
    this.mustBeRead()
    this.options.onChange(this)
  }

  protected peerGoesAway(lastStreamId: number, code: number): void {
    this.last = true
    const failure = new Failure(
      'not-processed',
      `it goes away (${errorName(code)}) and did not take the request`,
    )
    for (const stream of this.streams.values()) {
      if (stream.id <= lastStreamId) continue
      this.forget(stream, true)
      stream.aborted(failure)
    }
    this.options.onChange(this)
    this.closeIfUnused()
  }

  protected streamEnded(_stream: Stream): void {
    if (this.last) this.closeIfUnused()
    else this.options.onChange(this)
  }

  private closeIfUnused(): void {
    if (this.streams.size > 0 || this.phase !== 'open') return
    this.lastWord(ErrorCode.NO_ERROR, '')
    this.options.onChange(this)
  }

  // What became of requests that got no answer.

  protected lost(stream: Stream, error: Error | undefined): Failure {
    if (this.destroyedBy !== undefined) return this.destroyedBy
    if (error instanceof ConnectionError)
      return new Failure('upstream-protocol', `it broke the protocol: ${error.message}`)
    const how = error === undefined ? 'closed the connection' : `broke the connection (${error.message})`
    if (!(stream instanceof ClientStream)) return new Failure('upstream-reset', `it ${how}`)
    return this.verdict(stream, how)
  }

  private verdict({ headAt, responded, announced, request }: ClientStream, how: string): Failure {
    if (!this.writer.mayHaveLeft(headAt))
      return new Failure('not-processed', `it ${how} before a byte of the request was sent`)
    if (responded) return new Failure('upstream-reset', `it ${how} within its response`)
    return this.options.meshPeer && !this.silent && !announced && !isIdempotent(request.method)
      ? new Failure('not-processed', `its sidecar ${how} before it gave the request to its app`)
      : new Failure('upstream-reset', `it ${how} before it answered`)
  }

  protected resetFailure(_stream: Stream, code: number): Failure {
    return code === ErrorCode.REFUSED_STREAM
      ? new Failure('not-processed', 'it refused the stream')
      : new Failure('upstream-reset', `it reset the stream (${errorName(code)})`)
  }

  protected brokenFailure(reason: string): Failure {
    return new Failure('upstream-protocol', reason)
  }

  protected protocolBroken(_failure: Failure): void {
    this.last = true
  }

  defended(defence: Http2Defence): void {
    this.options.onDefence?.(defence)
  }

  protected ended(): void {
    this.last = true
    this.options.onClose(this)
  }
}

const DESTROYED = new Failure('cancelled', 'the connection was closed by this sidecar')

/** Nothing of the request was written. */
function unsent(request: OutgoingRequest): Promise<never> {
  const failure = new Failure('not-processed', 'the connection was closed before the request could be sent')
  request.onEnd(failure)
  return Promise.reject(failure)
}
