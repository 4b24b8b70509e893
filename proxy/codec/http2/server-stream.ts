/** A request that came in on a stream, and the response that goes out on it. */

import { HEADER_REASON } from '../../../mesh/protocol.ts'
import { type BodySource, EMPTY_BODY } from '../../body.ts'
import { Failure } from '../../failure.ts'
import { HeaderBlock } from '../../header-block.ts'
import { isIdempotent, type MessageEnd, type Request, type Response } from '../../message.ts'
import type { FieldSection } from './field-section.ts'
import { isBodilessAnswer } from './head-writer.ts'
import { type RequestHead, trailerFields } from './message-section.ts'
import { ErrorCode } from './protocol.ts'
import { codeOf, Stream, type StreamConnection } from './stream.ts'

/** What a request may ask of its connection. */
export interface ServerStreamConnection extends StreamConnection {
  readonly maxBodyBytes: number
  writeResponse(streamId: number, response: Response, method: string, endStream: boolean): void
  writeInterim(streamId: number, status: number, headers: HeaderBlock): void
  /** Resolves when everything that was written has left the process, undefined if it has already. */
  whenLeft(): Promise<void> | undefined
}

/** `reading`: its answer was not begun; `answering`; `over`: answered or broken. */
type Phase = 'reading' | 'answering' | 'over'

export class ServerStream extends Stream implements Request {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  readonly expectsContinue: boolean
  onAbort: ((failure: Failure) => void) | undefined = undefined
  onEnd: ((end: MessageEnd) => void) | undefined = undefined
  declare protected readonly connection: ServerStreamConnection
  readonly body: BodySource
  private phase: Phase = 'reading'
  private awaitsContinue: boolean
  private announced = false

  constructor(
    connection: ServerStreamConnection,
    id: number,
    sendWindow: number,
    head: RequestHead,
    scheme: 'http' | 'https',
    endStream: boolean,
  ) {
    super(connection, id, sendWindow)
    this.method = head.method
    this.scheme = scheme
    this.authority = head.authority
    this.path = head.path
    this.query = head.query
    this.headers = head.headers
    this.expectsContinue = head.expectsContinue
    this.awaitsContinue = head.expectsContinue
    this.remoteOpen = !endStream
    this.body = endStream ? EMPTY_BODY : this.expectBody(head.bodyLength)
  }

  // Its connection looks at it.

  get awaitsPeer(): boolean {
    return this.hasBytes || (this.phase === 'reading' && this.incoming?.isAwaited === true)
  }

  tooSlow(timeoutMs: number): void {
    if (this.phase === 'reading')
      this.refuse(new Failure('request-timeout', `no byte of the body came for ${timeoutMs} ms`))
    else {
      this.giveUp(ErrorCode.CANCEL)
      this.aborted(new Failure('downstream-gone', `the client took no byte for ${timeoutMs} ms`))
    }
  }

  aborted(failure: Failure): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.onAbort?.(failure)
    this.incoming?.break(failure)
    this.stopSending(failure)
    this.finish(failure, undefined)
  }

  // The request comes in.

  headersRead(section: FieldSection, endStream: boolean): void {
    const trailers = endStream
      ? trailerFields(section, 'bad-request')
      : new Failure('bad-request', 'a second header section does not end its stream')
    const objection = trailers instanceof Failure ? trailers.message : this.remoteEnded(trailers)
    if (objection !== undefined) this.connection.streamBroken(this.id, ErrorCode.PROTOCOL_ERROR, objection)
  }

  override give(chunk: Buffer): string | undefined {
    const { maxBodyBytes } = this.connection
    if (maxBodyBytes === 0 || this.incoming!.readBytes + chunk.length <= maxBodyBytes)
      return super.give(chunk)
    this.connection.bytesTaken(this, chunk.length)
    this.refuse(new Failure('body-too-large', `the request body exceeds ${maxBodyBytes} bytes`))
    return undefined
  }

  bodyWanted(): void {
    // Bytes that are here already show that the client did not wait.
    const asks = this.awaitsContinue && this.phase === 'reading' && this.isActive
    this.awaitsContinue = false
    if (asks && this.incoming!.readBytes === 0) this.connection.writeInterim(this.id, 100, HeaderBlock.EMPTY)
  }

  bodyCancelled(): void {
    this.bodyUnwanted = true
  }

  bodyDelivered(): void {}

  get complete(): boolean {
    return !this.remoteOpen
  }

  get bytesMoved(): number {
    return this.movedBytes
  }

  // It is answered.

  announceProcessing(): Promise<void> | undefined {
    if (this.phase !== 'reading' || this.announced || isIdempotent(this.method)) return undefined
    this.announced = true
    this.connection.writeInterim(this.id, 102, HeaderBlock.EMPTY)
    return this.connection.whenLeft()
  }

  sendInterim(status: number, headers: HeaderBlock): void {
    if (this.phase === 'reading') this.connection.writeInterim(this.id, status, headers)
  }

  respond(response: Response): void {
    const { body, status } = response
    if (this.phase !== 'reading') {
      body.cancel(ANSWERED)
      return
    }
    this.phase = 'answering'
    const isBodiless = isBodilessAnswer(this.method, status)
    if (isBodiless && body.length !== 0) body.cancel(BODILESS)
    const endStream = isBodiless || body.length === 0
    this.connection.writeResponse(this.id, response, this.method, endStream)
    if (endStream) this.sendNoBody()
    else this.sendBody(body)
  }

  /** The codec's own answer; what was begun with the request ends. */
  refuse(failure: Failure): void {
    if (this.phase === 'reading') this.connection.writeResponse(this.id, ownReply(failure), this.method, true)
    this.giveUp(ErrorCode.NO_ERROR)
    this.aborted(failure)
  }

  protected messageSent(trailers: HeaderBlock | undefined): void {
    this.phase = 'over'
    this.finish(undefined, trailers)
    // RFC 9113 8.1: who was answered need not send the rest.
    if (this.remoteOpen) this.giveUp(ErrorCode.NO_ERROR)
    this.incoming?.cancel(ANSWERED)
  }

  protected messageBroken(failure: Failure): void {
    this.giveUp(codeOf(failure))
    this.aborted(failure)
  }

  private finish(failure: Failure | undefined, trailers: HeaderBlock | undefined): void {
    const requestBytes = this.incoming?.readBytes ?? 0
    this.onEnd?.({ requestBytes, responseBytes: this.writtenBytes - this.heldBytes, failure, trailers })
  }
}

/** What the codec answers by itself: a head that says why. */
export function ownReply(failure: Failure): Response {
  const { status, flag } = failure.row
  const reason = `${flag} ${failure.message.replace(/[^\x20-\x7e]+/g, '?')}`
  return { status, headers: HeaderBlock.of([[HEADER_REASON, reason]]), body: EMPTY_BODY, edits: undefined }
}

const ANSWERED = new Failure('cancelled', 'the request was answered before it was read')
const BODILESS = new Failure('cancelled', 'this response has no body')
