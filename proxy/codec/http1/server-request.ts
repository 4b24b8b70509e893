/** A request that a server connection has read. */
import type { BodySource } from '../../body.ts'
import type { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { isIdempotent, type MessageEnd, type Request } from '../../message.ts'
import type { RequestParser } from './request-head.ts'

/** What a request may ask of its connection. */
export interface RequestConnection {
  announce(request: ServerRequest): Promise<void> | undefined
  sendInterim(request: ServerRequest, status: number, headers: HeaderBlock): void
  bytesMoved(request: ServerRequest): number
  isComplete(request: ServerRequest): boolean
}

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
  private readonly connection: RequestConnection

  constructor(
    connection: RequestConnection,
    head: RequestParser,
    scheme: 'http' | 'https',
    headers: HeaderBlock,
    body: BodySource,
  ) {
    this.method = head.method
    this.scheme = scheme
    this.authority = head.authority
    this.path = head.path
    this.query = head.query
    this.headers = headers
    this.body = body
    this.expectsContinue = head.expectsContinue
    this.connection = connection
  }

  announceProcessing(): Promise<void> | undefined {
    return isIdempotent(this.method) ? undefined : this.connection.announce(this)
  }

  sendInterim(status: number, headers: HeaderBlock): void {
    this.connection.sendInterim(this, status, headers)
  }

  get bytesMoved(): number {
    return this.connection.bytesMoved(this)
  }

  get complete(): boolean {
    return this.connection.isComplete(this)
  }
}
