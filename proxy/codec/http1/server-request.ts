/** A request that a server connection has read. */
import type { BodySource } from '../../body.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { isIdempotent, type MessageEnd, type Request } from '../../message.ts'
import type { RequestParser } from './request-head.ts'
import type { RequestReader } from './request-reader.ts'
import type { ResponseSender } from './response-sender.ts'

export class ServerRequest implements Request {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  readonly body: BodySource
  readonly expectsContinue: boolean
  onAbort: ((failure: Failure) => void) | undefined = undefined
  onEnd: ((end: MessageEnd) => void) | undefined = undefined
  /** It is over: its connection may be busy with another request, or be gone. */
  isOver = false
  private readonly reader: RequestReader
  private readonly sender: ResponseSender

  constructor(
    head: RequestParser,
    scheme: 'http' | 'https',
    headers: HeaderBlock,
    body: BodySource,
    reader: RequestReader,
    sender: ResponseSender,
  ) {
    this.method = head.method
    this.scheme = scheme
    this.authority = head.authority
    this.path = head.path
    this.query = head.query
    this.headers = headers
    this.body = body
    this.expectsContinue = head.expectsContinue
    this.reader = reader
    this.sender = sender
  }

  announceProcessing(): Promise<void> | undefined {
    if (isIdempotent(this.method)) return undefined
    if (this.isOver) return Promise.reject(new Failure('downstream-gone', 'the peer is gone'))
    return this.sender.started || this.sender.announced ? undefined : this.sender.announce()
  }

  sendInterim(status: number, headers: HeaderBlock): void {
    if (!this.isOver) this.sender.sendInterim(status, headers)
  }

  get bytesMoved(): number {
    return this.isOver ? 0 : this.reader.bodyBytes + this.sender.sentBytes
  }

  get complete(): boolean {
    return this.isOver || this.reader.leftBytes === 0
  }
}
