/**
 * The server side of an HTTP/1.1 connection: requests one after the other, each answered before the next is looked
 * at (RFC 9112 9.3.2).
 *
 * A client that has sent a whole request and then FIN still gets its answer, as from HAProxy: half-closing is what
 * `nc` and some libraries do. Only a reset, or FIN within a request, means that nobody waits any longer.
 */
import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Response } from '../../message.ts'
import { parked } from '../../parked-transport.ts'
import type { Transport } from '../../transport.ts'
import type { ServerCodec, ServerConnection, ServerOptions } from '../codec.ts'
import { type Deadlines, deadlinesOf, NEVER, Watched } from '../deadlines.ts'
import { hasDoubtfulBody } from './message-head.ts'
import type { RequestParser } from './request-head.ts'
import { RequestReader, type RequestReaderOwner } from './request-reader.ts'
import { type ResponseOwner, ResponseSender } from './response-sender.ts'
import { ServerRequest } from './server-request.ts'

/** What is read of a body after the answer to it, to keep the connection: beyond it a new one is cheaper. */
const DRAIN_BYTES = 64 * 1024
/** How long a client has to read our last words before the connection is reset under it (RFC 9112 9.6). */
const LINGER_MS = 2000
/** How long a connection without a request stays open when draining begins. */
const DRAIN_GRACE_MS = 1000

export const http1Server: ServerCodec = (transport, options) => new Http1ServerConnection(transport, options)

/**
 * `open`: between requests, or reading a head. `serving`: a request is with the filters. `answered`: the rest of its
 * body is read away. `lingering`: we have said our last word. `over`: closed, or somebody else's.
 */
type Phase = 'open' | 'serving' | 'answered' | 'lingering' | 'over'

class Http1ServerConnection extends Watched implements ServerConnection, RequestReaderOwner, ResponseOwner {
  private readonly transport: Transport
  private readonly options: ServerOptions
  private readonly deadlines: Deadlines
  private readonly reader: RequestReader
  private readonly sender: ResponseSender
  private phase: Phase = 'open'
  private request: ServerRequest | undefined = undefined
  /** The client waits for a 100 before it sends the body. */
  private awaitsContinue = false
  /** The connection goes on after this request. */
  private persists = true
  private bytesWhenAnswered = 0
  private isDraining = false
  private readonly respond = (response: Response): void => this.onResponse(response)
  private readonly confess = (): void => this.refused(new Failure('internal', 'the sidecar failed'))

  constructor(transport: Transport, options: ServerOptions) {
    super()
    this.transport = transport
    this.options = options
    this.deadlines = deadlinesOf(options.clock)
    this.reader = new RequestReader(transport, options, this)
    this.sender = new ResponseSender(transport, options.clock, this)
    transport.onDrain = () => this.sender.onDrain()
    transport.onClose = error => this.onTransportClose(error)
    this.deadlines.add(this)
    this.deadlineMs = this.deadlines.in(options.limits.keepAliveTimeoutMs)
    transport.resume()
  }

  get active(): number {
    return this.request === undefined ? 0 : 1
  }

  drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    this.persists = false
    if (this.phase === 'open' && !this.reader.withinHead) this.deadlineMs = this.deadlines.in(DRAIN_GRACE_MS)
  }

  destroy(): void {
    this.abort(new Failure('cancelled', 'the sidecar closed the connection'))
    this.transport.destroy()
  }

  // A request comes in.

  headBegun(): void {
    this.deadlineMs = this.deadlines.in(this.options.limits.headerTimeoutMs)
  }

  headRead(head: RequestParser, headers: HeaderBlock, body: BodySource): void {
    this.phase = 'serving'
    this.persists = head.persists && !this.isDraining && !hasDoubtfulBody(head.method, head.bodyLength)
    this.awaitsContinue = head.expectsContinue && this.reader.leftBytes !== 0
    this.sender.begin(head.method, head.minorVersion)
    this.watch()
    const { options, reader, sender } = this
    const request = new ServerRequest(head, options.scheme, headers, body, reader, sender)
    this.request = request
    options.serve(request).then(this.respond, this.confess)
  }

  tunnelAsked(authority: string, rest: Buffer): void {
    const { onConnect } = this.options
    if (onConnect === undefined) {
      this.refused(new Failure('bad-request', 'CONNECT is answered on proxy ports only'))
      return
    }
    this.phase = 'over'
    this.deadlines.remove(this)
    onConnect(authority, parked(this.transport, rest))
  }

  bodyProgress(): void {
    this.awaitsContinue = false
    if (this.phase === 'answered' && this.reader.bodyBytes - this.bytesWhenAnswered > DRAIN_BYTES)
      this.linger()
    else this.watch()
  }

  bodyRead(): void {
    this.awaitsContinue = false
    if (this.phase === 'answered') this.goOn()
    else this.watch()
  }

  /** What cannot be read ends the connection: nobody knows where the next request would begin. */
  refused(failure: Failure): void {
    if (this.phase === 'over' || this.phase === 'lingering') return
    this.options.onProtocolError(failure)
    const canAnswer = this.phase === 'open' || (this.phase === 'serving' && !this.sender.started)
    this.abort(failure)
    if (!canAnswer) {
      this.transport.destroy()
      return
    }
    this.sender.sendFailure(failure)
    this.linger()
  }

  inputEnded(): void {
    if (this.phase === 'serving' && this.reader.leftBytes !== 0) {
      this.abort(new Failure('downstream-gone', 'the client left within its request'))
      this.transport.destroy()
    } else if (this.phase !== 'serving' && this.phase !== 'lingering') {
      // Between two requests, or with half a head that nobody would answer.
      this.linger()
    }
  }

  // Its body is read.

  bodyWanted(): void {
    // Bytes that are here already show that the client did not wait.
    if (this.awaitsContinue && !this.sender.started && !this.reader.holdsBytes) this.sender.sendContinue()
    this.awaitsContinue = false
    this.reader.pump()
    this.watch()
  }

  bodyCancelled(): void {
    // What nobody reads is read away, as much of it as comes while the answer is on its way.
    this.reader.pump()
    this.watch()
  }

  bodyDelivered(): void {}

  // It is answered.

  responseStalled(): void {
    this.watch()
  }

  responseSent(trailers: HeaderBlock | undefined): void {
    this.persists &&= this.sender.persists
    this.endRequest(undefined, trailers)
    this.phase = 'answered'
    this.bytesWhenAnswered = this.reader.bodyBytes
    this.reader.cancelBody(ANSWERED)
    if (this.phase !== 'answered') return
    const { leftBytes } = this.reader
    if (leftBytes === 0) this.goOn()
    else if (!this.persists || (leftBytes ?? 0) > DRAIN_BYTES) this.linger()
    else this.watch()
  }

  responseBroken(failure: Failure): void {
    const { endsWithConnection } = this.sender
    this.abort(failure)
    // A body without a length would look complete if the connection just ended.
    if (endsWithConnection) this.transport.reset()
    else this.transport.destroy()
  }

  private onResponse(response: Response): void {
    if (this.phase !== 'serving') {
      response.body.cancel(ANSWERED)
      return
    }
    // RFC 9110 10.1.1: who was not told to go on may or may not send the body that it announced.
    this.persists &&= !this.awaitsContinue && !this.isDraining && !this.reader.ended
    this.sender.send(response, this.persists)
  }

  // It is over.

  private endRequest(failure: Failure | undefined, trailers: HeaderBlock | undefined): void {
    const { request } = this
    if (request === undefined) return
    const requestBytes = this.reader.bodyBytes
    const responseBytes = this.sender.bodyBytes
    this.request = undefined
    request.isOver = true
    request.onEnd?.({ requestBytes, responseBytes, failure, trailers })
  }

  private goOn(): void {
    if (!this.persists || this.isDraining) {
      this.linger()
      return
    }
    this.phase = 'open'
    this.deadlineMs = this.deadlines.in(this.options.limits.keepAliveTimeoutMs)
    this.reader.next()
  }

  /** Nobody waits for this request any longer, or nobody can be answered. */
  private abort(failure: Failure): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.request?.onAbort?.(failure)
    this.reader.breakBody(failure)
    this.sender.abort(failure)
    this.endRequest(failure, undefined)
  }

  /** Sends FIN and gives the client time to read what came before it: a close with unread bytes would reset. */
  private linger(): void {
    this.phase = 'lingering'
    this.deadlineMs = this.deadlines.in(LINGER_MS)
    this.transport.end()
    this.reader.drop()
  }

  private onTransportClose(error: Error | undefined): void {
    this.abort(
      new Failure(
        'downstream-gone',
        error === undefined
          ? 'the client closed the connection'
          : `the client's connection broke: ${error.message}`,
      ),
    )
    this.deadlines.remove(this)
    this.reader.close()
    this.options.onClose()
  }

  /** Somebody has to do something: the client to send the next byte, or to take one. */
  private watch(): void {
    if (this.phase !== 'serving' && this.phase !== 'answered') return
    const awaits = this.sender.stalled || this.reader.awaitsBody
    this.deadlineMs = awaits ? this.deadlines.in(this.options.limits.bodyIdleTimeoutMs) : NEVER
  }

  override onDeadline(): void {
    const { headerTimeoutMs, bodyIdleTimeoutMs } = this.options.limits
    if (this.phase === 'lingering') this.transport.destroy()
    else if (this.phase === 'open' && !this.reader.withinHead) this.linger()
    else if (this.phase === 'open')
      this.refused(
        new Failure('request-timeout', `the header section took longer than ${headerTimeoutMs} ms`),
      )
    else if (this.sender.stalled) {
      this.abort(new Failure('downstream-gone', `the client took no byte for ${bodyIdleTimeoutMs} ms`))
      this.transport.reset()
    } else
      this.refused(new Failure('request-timeout', `no byte of the body came for ${bodyIdleTimeoutMs} ms`))
  }
}

const ANSWERED = new Failure('cancelled', 'the request was answered before it was read')
