/** The reading half of a server connection: heads and bodies of requests, one request at a time. */
import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import type { ServerOptions } from '../codec.ts'
import { CHUNKED } from './body-length.ts'
import { BodyReader } from './body-reader.ts'
import { NEED_MORE, REFUSED } from './head-parser.ts'
import { HeadReader } from './head-reader.ts'
import { type BodyOwner, IncomingBody } from './incoming-body.ts'
import { Inlet, type InletConsumer } from './inlet.ts'
import { RequestParser } from './request-head.ts'
import { WHOLE_BYTES, wholeBody } from './whole-body.ts'

export interface RequestReaderOwner extends BodyOwner {
  /** The first bytes of a head came, and not all of it. */
  headBegun(): void
  /** A request was read as far as its body, or with it if that was here already. */
  headRead(head: RequestParser, headers: HeaderBlock, body: BodySource): void
  /** A CONNECT was read; `rest` is what came behind it. */
  tunnelAsked(authority: string, rest: Buffer): void
  /** Bytes of the body were read. */
  bodyProgress(): void
  /** The whole request was read. */
  bodyRead(): void
  refused(failure: Failure): void
  /** FIN, and everything before it was read. */
  inputEnded(): void
}

/** `wait`: a request was read, and the next is not looked at before `next`. `drop`: nothing matters any more. */
type Stage = 'head' | 'body' | 'wait' | 'drop'

export class RequestReader implements InletConsumer {
  private readonly options: ServerOptions
  private readonly owner: RequestReaderOwner
  private readonly inlet: Inlet
  private readonly parser: RequestParser
  private readonly headReader: HeadReader
  private readonly bodyReader: BodyReader
  private stage: Stage = 'head'
  private body: IncomingBody | undefined = undefined
  /** Of a body that was here as a whole with the head. */
  private wholeBytes = 0
  /** The head that is being handed over has bytes behind it in its chunk. */
  private bodyFollows = false

  constructor(transport: Transport, options: ServerOptions, owner: RequestReaderOwner) {
    this.options = options
    this.owner = owner
    this.inlet = new Inlet(transport, this)
    this.parser = new RequestParser(options)
    this.headReader = new HeadReader(this.parser)
    this.bodyReader = new BodyReader(transport, options.limits)
    transport.onRead = chunk => this.inlet.onRead(chunk)
    transport.onReadEnd = () => this.inlet.onReadEnd()
  }

  /** A head was begun and is not complete. */
  get withinHead(): boolean {
    return this.stage === 'head' && this.parser.begun
  }

  /** The body is not complete, and somebody takes it. */
  get awaitsBody(): boolean {
    return this.stage === 'body' && !this.body!.blocked
  }

  /** Bytes of the body that are still to come, undefined when nobody knows. */
  get leftBytes(): number | undefined {
    return this.stage === 'body' ? this.bodyReader.leftBytes : 0
  }

  /** The client has sent FIN. */
  get ended(): boolean {
    return this.inlet.ended
  }

  /** Bytes of the body have come that nobody wanted yet. */
  get holdsBytes(): boolean {
    return this.bodyFollows || this.inlet.waitingBytes > 0
  }

  /** Bytes of the body that were read. */
  get bodyBytes(): number {
    return this.body === undefined ? this.wholeBytes : this.body.readBytes
  }

  /** Whoever still reads the body does it in vain. */
  cancelBody(failure: Failure): void {
    this.body?.cancel(failure)
  }

  /** The rest of the body will never come. */
  breakBody(failure: Failure): void {
    this.body?.break(failure)
  }

  /** Looks at the next request. */
  next(): void {
    this.stage = 'head'
    this.body = undefined
    this.wholeBytes = 0
    this.parser.reset()
    this.inlet.pump()
  }

  /** The body takes bytes again. */
  pump(): void {
    this.inlet.pump()
  }

  /** From now on everything is read and dropped. */
  drop(): void {
    this.stage = 'drop'
    this.inlet.pump()
  }

  close(): void {
    this.stage = 'drop'
    this.inlet.close()
  }

  get readAheadBytes(): number {
    // A body that nobody takes is not read ahead: the client is to feel it.
    return this.stage === 'body' ? 0 : this.options.limits.maxReadAheadBytes
  }

  consume(bytes: Buffer, from: number, end: number): number {
    let i = from
    while (i < end && this.stage !== 'wait') {
      const next = this.step(bytes, i, end)
      if (next === i) break
      i = next
    }
    return i
  }

  inputEnded(): void {
    this.owner.inputEnded()
  }

  private step(bytes: Buffer, from: number, end: number): number {
    if (this.stage === 'head') return this.readHead(bytes, from, end)
    return this.stage === 'body' ? this.readBody(bytes, from, end) : end
  }

  private readHead(bytes: Buffer, from: number, end: number): number {
    const isBeginning = !this.parser.begun
    const i = this.headReader.read(bytes, from, end)
    if (i === REFUSED) return this.refuse(this.parser.failure!, end)
    if (i === NEED_MORE) {
      if (isBeginning && this.parser.begun) this.owner.headBegun()
      return end
    }
    const headers = this.parser.block(this.headReader.bytes, this.headReader.base)
    const failure = this.parser.settle(headers)
    if (failure !== undefined) return this.refuse(failure, end)
    if (this.parser.method === 'CONNECT') {
      this.close()
      this.owner.tunnelAsked(this.parser.authority, Buffer.from(bytes.subarray(i, end)))
      return end
    }
    const { bodyLength } = this.parser
    const wholeEnd = i + bodyLength
    if (bodyLength < 0 || wholeEnd > end || bodyLength > WHOLE_BYTES) {
      this.beginBody(headers, bodyLength, i < end)
      return i
    }
    this.stage = 'wait'
    this.wholeBytes = bodyLength
    this.owner.headRead(this.parser, headers, wholeBody(bytes, i, wholeEnd))
    return wholeEnd
  }

  private beginBody(headers: HeaderBlock, length: number, follows: boolean): void {
    const body = new IncomingBody(this.owner, length === CHUNKED ? undefined : length)
    this.body = body
    this.bodyReader.begin(body, length)
    this.stage = 'body'
    this.bodyFollows = follows
    this.owner.headRead(this.parser, headers, body)
    this.bodyFollows = false
  }

  private readBody(bytes: Buffer, from: number, end: number): number {
    const i = this.bodyReader.read(bytes, from, end)
    if (i < 0) return this.refuse(this.bodyReader.failure!, end)
    const { maxBodyBytes } = this.options.limits
    if (maxBodyBytes > 0 && this.body!.readBytes > maxBodyBytes)
      return this.refuse(new Failure('body-too-large', `the request body exceeds ${maxBodyBytes} bytes`), end)
    // Whoever got the bytes may have ended everything.
    if (this.stage !== 'body') return end
    if (this.bodyReader.done) {
      this.stage = 'wait'
      this.owner.bodyRead()
    } else this.owner.bodyProgress()
    return i
  }

  private refuse(failure: Failure, end: number): number {
    this.stage = 'drop'
    this.owner.refused(failure)
    return end
  }
}
