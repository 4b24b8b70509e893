/** The writing half of a server connection: interim responses, one final response at a time, and the codec's own. */
import type { Clock } from '../../../mesh/clock.ts'
import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Response } from '../../message.ts'
import { out } from '../../out-buffer.ts'
import type { Transport } from '../../transport.ts'
import { UNTIL_CLOSE } from './body-length.ts'
import { BodyWriter, type WrittenMessage } from './body-writer.ts'
import { httpDate } from './http-date.ts'
import { type ResponseFrame, writeInterimHead, writeResponseHead } from './message-head.ts'
import { CONTINUE, failureReply, PROCESSING } from './own-reply.ts'

/** The connection, told how its response goes. */
export interface ResponseOwner {
  /** The last byte was handed over. */
  responseSent(trailers: HeaderBlock | undefined): void
  /** The response cannot be completed. */
  responseBroken(failure: Failure): void
  /** The client takes no more bytes for now, or does again. */
  responseStalled(stalled: boolean): void
}

export class ResponseSender implements WrittenMessage, ResponseFrame {
  /** The head of the final response is written. */
  started = false
  method = ''
  minorVersion = 1
  /** The connection goes on after this response. */
  persists = false
  /** The end of the connection ends the body. */
  endsWithConnection = false
  /** A 102 was sent for this request. */
  announced = false
  private readonly transport: Transport
  private readonly clock: Clock
  private readonly owner: ResponseOwner
  private readonly writer: BodyWriter
  private source: BodySource | undefined = undefined
  private flushed: { resolve(): void; reject(failure: Failure): void } | undefined = undefined

  constructor(transport: Transport, clock: Clock, owner: ResponseOwner) {
    this.transport = transport
    this.clock = clock
    this.owner = owner
    this.writer = new BodyWriter(transport, this)
  }

  /** Begins with the answer to another request. */
  begin(method: string, minorVersion: number): void {
    this.started = false
    this.announced = false
    this.method = method
    this.minorVersion = minorVersion
    this.writer.writtenBytes = 0
  }

  /** Bytes of the response's body so far. */
  get bodyBytes(): number {
    return this.writer.writtenBytes
  }

  /** Of those, the ones that have left the process. */
  get sentBytes(): number {
    return this.writer.writtenBytes - this.transport.pendingBytes
  }

  /** Bytes were written that the client has not taken. */
  get stalled(): boolean {
    return this.writer.blocked
  }

  date(): string {
    return httpDate(this.clock)
  }

  /** The final response; the connection stays open behind it if `persists` and the framing allows it. */
  send(response: Response, persists: boolean): void {
    this.started = true
    this.persists = persists
    const { body } = response
    const framing = writeResponseHead(this.writer, response, this)
    this.endsWithConnection = framing === UNTIL_CLOSE
    if (this.endsWithConnection) this.persists = false
    this.writer.begin(framing)
    if (framing === 0) {
      if (body.length !== 0) body.cancel(BODILESS)
      this.writer.end()
      return
    }
    this.source = body
    body.pipe(this.writer)
    this.writer.uncork()
  }

  sendContinue(): void {
    this.transport.write(CONTINUE)
  }

  sendInterim(status: number, headers: HeaderBlock): void {
    if (this.started || this.minorVersion === 0) return
    writeInterimHead(this.writer, status, headers)
    out.flush()
  }

  /** `Request.announceProcessing`: resolves when the 102 has left the process, undefined if it has already. */
  announce(): Promise<void> | undefined {
    this.announced = true
    this.transport.write(PROCESSING)
    this.transport.flush()
    if (this.transport.destroyed) return Promise.reject(new Failure('downstream-gone', 'the peer is gone'))
    if (this.transport.pendingBytes === 0) return undefined
    return new Promise((resolve, reject) => {
      this.flushed = { resolve, reject }
    })
  }

  /** The codec's own answer; nothing else may have been started. */
  sendFailure(failure: Failure): void {
    this.started = true
    this.transport.write(failureReply(failure, this.date()))
  }

  /** Nothing more will be written. */
  abort(failure: Failure): void {
    out.drop(this.writer)
    this.writer.close()
    this.flushed?.reject(failure)
    this.flushed = undefined
    const { source } = this
    this.source = undefined
    source?.cancel(failure)
  }

  /** The transport has sent everything. */
  onDrain(): void {
    this.flushed?.resolve()
    this.flushed = undefined
    if (!this.writer.blocked) return
    this.writer.blocked = false
    this.owner.responseStalled(false)
    this.source?.resume()
  }

  bodyWritten(trailers: HeaderBlock | undefined): void {
    this.source = undefined
    this.owner.responseSent(trailers)
  }

  bodyStalled(): void {
    this.owner.responseStalled(true)
  }

  bodyBroken(failure: Failure): void {
    out.flush()
    const { source } = this
    this.source = undefined
    // Idempotent: it is the source that broke, or it has said more or less than it announced.
    source?.cancel(failure)
    this.owner.responseBroken(failure)
  }
}

const BODILESS = new Failure('cancelled', 'this response has no body')
