/** The server side of an HTTP/2 connection: many requests at once, each on a stream of its own. */
import type { Clock, Timer } from '../../../mesh/clock.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Response } from '../../message.ts'
import type { Transport } from '../../transport.ts'
import type { ServerCodec, ServerConnection, ServerOptions } from '../codec.ts'
import { httpDate } from '../http1/http-date.ts'
import { Http2Connection } from './connection.ts'
import { encodeInterim, encodeResponse } from './head-writer.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Defence } from './limits.ts'
import { requestHead } from './message-section.ts'
import { ConnectionError, ErrorCode, errorName, MAX_STREAM_ID, Setting } from './protocol.ts'
import { ownReply, ServerStream, type ServerStreamConnection } from './server-stream.ts'
import type { Stream } from './stream.ts'

/** How long a client may take to say that it has seen our first GOAWAY. */
const DRAIN_GRACE_MS = 1000

/** Requests that their clients gave up may still be at work, as many as those that are wanted. */
const SERVING_PER_STREAM = 2

export const http2Server: ServerCodec = (transport, options) => new Http2ServerConnection(transport, options)

class Http2ServerConnection extends Http2Connection implements ServerConnection, ServerStreamConnection {
  readonly maxBodyBytes: number
  private readonly options: ServerOptions
  private readonly clock: Clock
  /** Requests whose handler has not answered. */
  private serving = 0
  private draining: Timer | undefined = undefined
  private readonly leaving: Leaving[] = []

  constructor(transport: Transport, options: ServerOptions) {
    const { limits, clock, http2 = DEFAULT_HTTP2_LIMITS } = options
    super(transport, { limits, clock, http2, onDefence: defence => this.defended(defence) }, true)
    this.options = options
    this.clock = clock
    this.maxBodyBytes = limits.maxBodyBytes
    this.writer.onSent = () => this.everythingLeft()
    this.open(
      [
        [Setting.MAX_CONCURRENT_STREAMS, http2.maxConcurrentStreams],
        [Setting.NO_RFC7540_PRIORITIES, 1],
      ],
      true,
    )
  }

  get active(): number {
    return this.streams.size
  }

  /** RFC 9113 6.8: first that an end comes, then, when everything under way has arrived, where it is. */
  drain(): void {
    if (this.phase !== 'open' || this.draining !== undefined) return
    this.writer.goAway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '')
    this.writer.ping(DRAIN_PING, 0, false)
    this.draining = this.clock.after(DRAIN_GRACE_MS, () => this.takeNoMore())
  }

  destroy(): void {
    this.breakOff(new Error('the sidecar closed the connection'))
  }

  private takeNoMore(): void {
    if (this.phase !== 'open') return
    this.draining?.cancel()
    this.phase = 'going'
    if (this.streams.size > 0) this.writer.goAway(this.lastPeerStream, ErrorCode.NO_ERROR, '')
    else this.lastWord(ErrorCode.NO_ERROR, '')
  }

  protected override pingAnswered(kind: number): void {
    if (kind === DRAIN_PING[0]) this.takeNoMore()
  }

  // Requests come in.

  protected headersOnNew(streamId: number, endStream: boolean): void {
    if ((streamId & 1) === 0)
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a request came on a stream with an even number')
    if (streamId <= this.lastPeerStream) {
      if (this.closedStreams.wasResetByUs(streamId)) return
      if (this.closedStreams.has(streamId))
        throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'HEADERS came on a stream that is closed')
      throw new ConnectionError(
        ErrorCode.PROTOCOL_ERROR,
        'the number of a new stream is lower than that of another',
      )
    }
    this.lastPeerStream = streamId
    if (this.phase !== 'open') this.resetNew(streamId, ErrorCode.REFUSED_STREAM)
    else if (this.isFull()) {
      this.defended('stream-limit')
      this.guard.streamReset()
      this.resetNew(streamId, ErrorCode.REFUSED_STREAM)
    } else this.begin(streamId, endStream)
  }

  private isFull(): boolean {
    const { maxConcurrentStreams } = this.http2
    return (
      this.streams.size >= maxConcurrentStreams || this.serving >= maxConcurrentStreams * SERVING_PER_STREAM
    )
  }

  private begin(streamId: number, endStream: boolean): void {
    // Answers without a body need no window: who never reads could have any number of them.
    if (this.writer.blocked) this.mustBeRead()
    const { normalise, scheme, limits } = this.options
    const head = requestHead(this.section, endStream, normalise, limits)
    if (head instanceof Failure) {
      this.refuse(streamId, head, endStream)
      return
    }
    const stream = new ServerStream(this, streamId, this.peer.initialWindowBytes, head, scheme, endStream)
    this.streams.add(stream)
    this.serving++
    this.options.serve(stream).then(
      response => this.answer(stream, response),
      () => this.confess(stream),
    )
  }

  /** What is malformed ends its stream (RFC 9113 8.1.1); what is too much is answered. */
  private refuse(streamId: number, failure: Failure, endStream: boolean): void {
    this.options.onProtocolError(failure)
    if (failure.code === 'headers-too-large') this.defended('header-list')
    if (failure.code === 'bad-request') {
      this.guard.streamReset()
      this.resetNew(streamId, ErrorCode.PROTOCOL_ERROR)
      return
    }
    this.writeResponse(streamId, ownReply(failure), 'HEAD', true)
    if (endStream) this.closedStreams.add(streamId, false)
    else this.resetNew(streamId, ErrorCode.NO_ERROR)
  }

  private resetNew(streamId: number, code: ErrorCode): void {
    this.writer.reset(streamId, code)
    this.closedStreams.add(streamId, true)
    this.mustBeRead()
  }

  private answer(stream: ServerStream, response: Response): void {
    this.serving--
    stream.respond(response)
  }

  private confess(stream: ServerStream): void {
    this.serving--
    stream.refuse(new Failure('internal', 'the sidecar failed'))
  }

  protected isIdle(streamId: number): boolean {
    return (streamId & 1) === 0 || streamId > this.lastPeerStream
  }

  protected peerGoesAway(_lastStreamId: number, _code: number): void {
    // It opens no more streams; we never open any.
  }

  protected settingsChanged(): void {
    this.mustBeRead()
  }

  // Responses go out.

  writeResponse(streamId: number, response: Response, method: string, endStream: boolean): void {
    const date = httpDate(this.clock)
    this.writer.headers(streamId, encodeResponse(this.encoder, response, method, date), endStream)
  }

  writeInterim(streamId: number, status: number, headers: HeaderBlock): void {
    this.writer.headers(streamId, encodeInterim(this.encoder, status, headers), false)
  }

  whenLeft(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.leaving.push({ position: this.writer.position, resolve, reject })
    })
  }

  protected override everythingLeft(): void {
    while (this.leaving.length > 0 && this.writer.hasLeft(this.leaving[0]!.position))
      this.leaving.shift()!.resolve()
  }

  // Ends.

  protected streamEnded(_stream: Stream): void {
    if (this.phase === 'going' && this.streams.size === 0) this.lastWord(ErrorCode.NO_ERROR, '')
  }

  protected lost(_stream: Stream, error: Error | undefined): Failure {
    if (error instanceof ConnectionError)
      return new Failure('bad-request', `the client broke the protocol: ${error.message}`)
    return new Failure(
      'downstream-gone',
      error === undefined
        ? 'the client closed the connection'
        : `the client's connection broke: ${error.message}`,
    )
  }

  protected resetFailure(_stream: Stream, code: number): Failure {
    return new Failure('downstream-gone', `the client reset the stream (${errorName(code)})`)
  }

  protected brokenFailure(reason: string): Failure {
    const failure = new Failure('bad-request', reason)
    this.options.onProtocolError(failure)
    return failure
  }

  protected protocolBroken(failure: Failure): void {
    this.options.onProtocolError(failure)
  }

  defended(defence: Http2Defence): void {
    this.options.onDefence?.(defence)
  }

  protected ended(): void {
    this.draining?.cancel()
    const failure = new Failure('downstream-gone', 'the peer is gone')
    for (const { reject } of this.leaving.splice(0)) reject(failure)
    this.options.onClose()
  }
}

/** Somebody who waits until bytes have left the process. */
interface Leaving {
  readonly position: number
  resolve(): void
  reject(failure: Failure): void
}

/** Its answer says that everything the client sent before it saw our GOAWAY is here. */
const DRAIN_PING = Buffer.alloc(8, 2)
