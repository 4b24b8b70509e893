/** The reading half of a client connection: the head and the body of one response after each request. */

import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import type { CodecLimits } from '../codec.ts'
import { BodyReader } from './body-reader.ts'
import { NEED_MORE, REFUSED } from './head-parser.ts'
import { HeadReader } from './head-reader.ts'
import { type BodyOwner, IncomingBody } from './incoming-body.ts'
import { Inlet, type InletConsumer } from './inlet.ts'
import { ResponseParser } from './response-head.ts'
import { WHOLE_BYTES, wholeBody } from './whole-body.ts'

export interface ResponseReaderOwner {
  interimRead(status: number, headers: HeaderBlock): void
  /** The head of the final response; `persists`: the connection may carry another request after it. */
  headRead(status: number, headers: HeaderBlock, body: BodySource, persists: boolean): void
  /** Bytes of the body were read, or are wanted again. */
  bodyProgress(): void
  /**
   * The whole response was handed over. If bytes came behind it, nobody knows what the other side believes to be
   * answering, and the connection must not be used again.
   */
  responseDelivered(isLastByte: boolean): void
  /** Whoever gets the body wants no more. */
  responseCancelled(failure: Failure): void
  /** What came cannot be read. */
  refused(failure: Failure): void
  /** The other side sends no more; before the response was complete, or while none was expected. */
  inputEnded(): void
}

/** `none`: nothing was asked. */
type Stage = 'none' | 'head' | 'body' | 'closed'

export class ResponseReader implements InletConsumer, BodyOwner {
  private readonly owner: ResponseReaderOwner
  private readonly inlet: Inlet
  private readonly parser: ResponseParser
  private readonly headReader: HeadReader
  private readonly bodyReader: BodyReader
  /** The connection did not end but break. */
  broken = false
  private consuming = false
  private delivered = false
  private stage: Stage = 'none'
  private method = ''
  private body: IncomingBody | undefined = undefined

  constructor(transport: Transport, limits: CodecLimits, owner: ResponseReaderOwner) {
    this.owner = owner
    this.inlet = new Inlet(transport, this)
    this.parser = new ResponseParser(limits)
    this.headReader = new HeadReader(this.parser)
    this.bodyReader = new BodyReader(transport, limits)
    transport.onRead = chunk => this.inlet.onRead(chunk)
    transport.onReadEnd = () => this.inlet.onReadEnd()
  }

  /** A request of this method was sent. */
  expect(method: string): void {
    this.method = method
    this.stage = 'head'
    this.body = undefined
    this.parser.reset()
  }

  /** Bytes of the response have come. */
  get begun(): boolean {
    return this.stage === 'body' || this.parser.begun
  }

  /** The body is not complete, and somebody takes it. */
  get awaitsBody(): boolean {
    return this.stage === 'body' && !this.body!.blocked
  }

  /** FIN has come. */
  get ended(): boolean {
    return this.inlet.ended
  }

  /** The connection is gone: what was read before is still good. */
  connectionEnded(): void {
    if (!this.inlet.ended) this.inlet.onReadEnd()
  }

  /** Nothing more is read. */
  close(failure: Failure): void {
    this.stage = 'closed'
    this.inlet.close()
    this.body?.break(failure)
  }

  get readAheadBytes(): number {
    return 0
  }

  consume(bytes: Buffer, from: number, end: number): number {
    this.consuming = true
    let i = from
    while (i < end && !this.delivered) {
      const next = this.step(bytes, i, end)
      if (next === i) break
      i = next
    }
    this.consuming = false
    if (!this.delivered) return i
    // Told only now: the next request may be sent from within, and must not be answered by what is left of this chunk.
    this.delivered = false
    this.owner.responseDelivered(i === end)
    return end
  }

  /** The end of the connection ends a body that nothing else ends. */
  inputEnded(): void {
    if (this.stage === 'body' && this.bodyReader.endsWithConnection && !this.broken)
      this.bodyReader.endWithConnection()
    else this.owner.inputEnded()
  }

  bodyWanted(): void {
    this.inlet.pump()
    this.owner.bodyProgress()
  }

  bodyCancelled(failure: Failure): void {
    this.owner.responseCancelled(failure)
  }

  bodyDelivered(): void {
    this.stage = 'none'
    if (this.consuming) this.delivered = true
    else this.owner.responseDelivered(this.inlet.waitingBytes === 0)
  }

  private step(bytes: Buffer, from: number, end: number): number {
    if (this.stage === 'head') return this.readHead(bytes, from, end)
    if (this.stage === 'body') return this.readBody(bytes, from, end)
    if (this.stage === 'none')
      this.owner.refused(new Failure('upstream-protocol', 'it sent bytes that nobody asked for'))
    return end
  }

  private readHead(bytes: Buffer, from: number, end: number): number {
    const i = this.headReader.read(bytes, from, end)
    if (i === NEED_MORE) return end
    if (i === REFUSED) return this.refuse(this.parser.failure!, end)
    const headers = this.parser.block(this.headReader.bytes, this.headReader.base)
    const { status } = this.parser
    const failure = status === 101 ? SWITCHED : this.parser.settle(this.method)
    if (failure !== undefined) return this.refuse(failure, end)
    if (status < 200) {
      this.parser.reset()
      this.owner.interimRead(status, headers)
      return i
    }
    const { bodyLength, persists } = this.parser
    const wholeEnd = i + bodyLength
    if (bodyLength < 0 || wholeEnd > end || bodyLength > WHOLE_BYTES) {
      this.beginBody(status, headers)
      return i
    }
    this.owner.headRead(status, headers, wholeBody(bytes, i, wholeEnd), persists)
    this.bodyDelivered()
    return wholeEnd
  }

  private beginBody(status: number, headers: HeaderBlock): void {
    const { bodyLength, persists } = this.parser
    const body = new IncomingBody(this, bodyLength < 0 ? undefined : bodyLength)
    this.stage = 'body'
    this.body = body
    this.bodyReader.begin(body, bodyLength)
    this.owner.headRead(status, headers, body, persists)
  }

  private readBody(bytes: Buffer, from: number, end: number): number {
    const i = this.bodyReader.read(bytes, from, end)
    if (i < 0) return this.refuse(this.bodyReader.failure!, end)
    if (this.stage === 'body' && i > from) this.owner.bodyProgress()
    return i
  }

  /** Parsers speak of requests; what a response does wrong is the other side's. */
  private refuse(failure: Failure, end: number): number {
    this.stage = 'closed'
    this.owner.refused(new Failure('upstream-protocol', `the response cannot be read: ${failure.message}`))
    return end
  }
}

const SWITCHED = new Failure('upstream-protocol', 'it switched protocols without having been asked')
