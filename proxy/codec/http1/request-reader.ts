/** The reading half of a server connection: heads and bodies of requests, one request at a time. */
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import type { ServerOptions } from '../codec.ts'
import { BodyReader } from './body-reader.ts'
import { NEED_MORE, REFUSED } from './head-parser.ts'
import { HeadReader } from './head-reader.ts'
import type { IncomingBody } from './incoming-body.ts'
import { Inlet, type InletConsumer } from './inlet.ts'
import { RequestParser } from './request-head.ts'

export interface RequestReaderOwner {
  /** The first bytes of a head came, and not all of it. */
  headBegun(): void
  /** A request was read as far as its body, for which `expectBody` is called from within if it has one. */
  headRead(head: RequestParser, headers: HeaderBlock): void
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

  /** From within `headRead`: the request has this body. */
  expectBody(body: IncomingBody, length: number): void {
    this.body = body
    this.bodyReader.begin(body, length)
  }

  /** Looks at the next request. */
  next(): void {
    this.stage = 'head'
    this.body = undefined
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
    this.stage = this.parser.bodyLength === 0 ? 'wait' : 'body'
    this.bodyFollows = i < end
    this.owner.headRead(this.parser, headers)
    this.bodyFollows = false
    return i
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
