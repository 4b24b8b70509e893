/** A request that went out on a stream, and the response that comes in on it. */
import { type BodySource, EMPTY_BODY } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock, HeaderEdits } from '../../header-block.ts'
import type { OutgoingRequest, Response } from '../../message.ts'
import type { FieldSection } from './field-section.ts'
import { isBodilessAnswer } from './head-writer.ts'
import { responseHead, trailerFields } from './message-section.ts'
import { ErrorCode } from './protocol.ts'
import { Stream, type StreamConnection } from './stream.ts'

export class ClientStream extends Stream {
  readonly request: OutgoingRequest
  readonly response: Promise<Response>
  /** The head of the final response came. */
  responded = false
  /** The peer has said that it gives the request to its app. */
  announced = false
  /** Where its head begins in what the connection writes. */
  headAt = 0
  private readonly meshPeer: boolean
  private over = false
  private readByNobody = false
  private resolve: (response: Response) => void = nothing
  private reject: (failure: Failure) => void = nothing

  constructor(
    connection: StreamConnection,
    id: number,
    sendWindow: number,
    request: OutgoingRequest,
    meshPeer: boolean,
  ) {
    super(connection, id, sendWindow)
    this.request = request
    this.meshPeer = meshPeer
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    request.onCancel = failure => this.fail(failure, ErrorCode.CANCEL)
  }

  /** The head was written. */
  begin(): void {
    const { body } = this.request
    if (body.length === 0) this.sendNoBody()
    else this.sendBody(body)
  }

  get awaitsPeer(): boolean {
    return this.hasBytes
  }

  tooSlow(timeoutMs: number): void {
    this.fail(new Failure('idle-timeout', `it took no byte for ${timeoutMs} ms`), ErrorCode.CANCEL)
  }

  // The request goes out.

  protected messageSent(): void {}

  /** Whoever sends the request has broken off: the other side must not take it for complete. */
  protected messageBroken(failure: Failure): void {
    this.fail(failure, ErrorCode.CANCEL)
  }

  // The response comes in.

  headersRead(section: FieldSection, endStream: boolean): void {
    const failure = this.responded ? this.trailersRead(section, endStream) : this.headRead(section, endStream)
    if (failure !== undefined) this.connection.streamBroken(this.id, ErrorCode.PROTOCOL_ERROR, failure)
  }

  private headRead(section: FieldSection, endStream: boolean): string | undefined {
    const { method } = this.request
    const head = responseHead(section, endStream, method)
    if (head instanceof Failure) return head.message
    const { status, headers, bodyLength } = head
    if (status < 200) {
      this.interimRead(status, headers)
      return undefined
    }
    this.responded = true
    const body = endStream ? EMPTY_BODY : this.bodyOf(isBodilessAnswer(method, status) ? 0 : bodyLength)
    this.resolve(new ClientResponse(status, headers, body))
    return endStream ? this.remoteEnded(undefined) : undefined
  }

  /** One of no bytes is read by nobody, but its stream may still end with an empty frame. */
  private bodyOf(length: number | undefined): BodySource {
    const body = this.expectBody(length)
    if (length !== 0) return body
    this.readByNobody = true
    return EMPTY_BODY
  }

  private interimRead(status: number, headers: HeaderBlock): void {
    if (status === 100) return
    if (status === 102 && this.meshPeer) this.announced = true
    else this.request.onInterim?.(status, headers)
  }

  private trailersRead(section: FieldSection, endStream: boolean): string | undefined {
    if (!endStream) return 'a second header section does not end its stream'
    const trailers = trailerFields(section, 'upstream-protocol')
    return trailers instanceof Failure ? trailers.message : this.remoteEnded(trailers)
  }

  override remoteEnded(trailers: HeaderBlock | undefined): string | undefined {
    if (!this.responded) return 'the stream ended before a response came'
    const objection = super.remoteEnded(trailers)
    if (objection !== undefined) return objection
    if (this.localOpen && this.isActive) {
      // RFC 9113 8.1: an answer before the end of the request means that the rest is not wanted.
      this.giveUp(ErrorCode.NO_ERROR)
      this.stopSending(EARLY)
    }
    if (this.readByNobody || this.incoming === undefined) this.bodyDelivered()
    return undefined
  }

  bodyWanted(): void {}

  /** Whoever gets the response wants no more of it. */
  bodyCancelled(failure: Failure): void {
    this.bodyUnwanted = true
    this.fail(failure, ErrorCode.CANCEL)
  }

  bodyDelivered(): void {
    if (this.over) return
    this.over = true
    this.request.onCancel = undefined
    this.request.onEnd(undefined)
  }

  // It is over.

  aborted(failure: Failure): void {
    if (this.over) return
    this.over = true
    const { request } = this
    request.onCancel = undefined
    this.stopSending(failure)
    this.incoming?.break(failure)
    if (!this.responded) this.reject(failure)
    request.onEnd(failure)
  }

  private fail(failure: Failure, code: ErrorCode): void {
    if (this.over) return
    if (this.isActive) this.giveUp(code)
    this.aborted(failure)
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
