/** A request as a server codec gives it, and what became of it. */
import { type BodySink, type BodySource, EMPTY_BODY } from '../../../proxy/body.ts'
import { type Arrival, Exchange } from '../../../proxy/exchange.ts'
import type { Failure } from '../../../proxy/failure.ts'
import { HeaderBlock } from '../../../proxy/header-block.ts'
import type { MessageEnd, Request, Response } from '../../../proxy/message.ts'
import type { ManualClock } from '../../../testing/clock.ts'

export interface RequestParts {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly authority?: string
  readonly headers?: Record<string, string>
  readonly body?: BodySource
}

export class FakeRequest implements Request {
  readonly method: string
  readonly scheme = 'http'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  readonly body: BodySource
  readonly expectsContinue = false
  onAbort: ((failure: Failure) => void) | undefined = undefined
  onEnd: ((end: MessageEnd) => void) | undefined = undefined
  bytesMoved = 0
  complete = true
  /** How often the peer was told that the app gets the request. */
  announced = 0
  /** What `announceProcessing` waits for. */
  announcement: Promise<void> | undefined = undefined

  constructor(parts: RequestParts = {}) {
    this.method = parts.method ?? 'GET'
    this.path = parts.path ?? '/'
    this.query = parts.query ?? ''
    this.authority = parts.authority ?? 'payments.shop.internal'
    this.headers = HeaderBlock.of(Object.entries(parts.headers ?? {}))
    this.body = parts.body ?? EMPTY_BODY
  }

  announceProcessing(): Promise<void> | undefined {
    this.announced++
    return this.announcement
  }

  sendInterim(): void {}

  /** The client goes away. */
  abort(failure: Failure): void {
    this.onAbort?.(failure)
    this.end({ failure })
  }

  /** The last byte of the response has gone. */
  end(parts: Partial<MessageEnd> = {}): void {
    const { onEnd } = this
    this.onEnd = undefined
    onEnd?.({ requestBytes: 0, responseBytes: 0, failure: undefined, trailers: undefined, ...parts })
  }
}

export const OUTBOUND: Arrival = {
  direction: 'outbound',
  service: 'payments',
  port: 80,
  source: 'web',
  sourceId: undefined,
  meshPeer: false,
  tlsProtocol: undefined,
  remoteAddress: '127.0.0.1:50000',
}

export const FROM_PEER: Arrival = {
  direction: 'inbound',
  service: 'web',
  port: 80,
  source: 'orders',
  sourceId: 'spiffe://shop/workload/orders',
  meshPeer: true,
  tlsProtocol: 'TLSv1.3',
  remoteAddress: '10.0.0.9:40000',
}

export const exchangeOf = (
  clock: ManualClock,
  parts: RequestParts = {},
  arrival: Arrival = OUTBOUND,
): { exchange: Exchange; request: FakeRequest } => {
  const request = new FakeRequest(parts)
  return { exchange: new Exchange(request, arrival, clock), request }
}

export const respond = (status: number, fields: Record<string, string> = {}): Response => ({
  status,
  headers: HeaderBlock.of(Object.entries(fields)),
  body: EMPTY_BODY,
  edits: undefined,
})

/** The whole body as text. */
export function textOf(body: BodySource): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const sink: BodySink = {
      write(chunk) {
        text += chunk.toString()
        return true
      },
      end: () => resolve(text),
      reset: reject,
    }
    body.pipe(sink)
  })
}

/** What a field of a response will be on the wire. */
export function fieldOf({ headers, edits }: Response, name: string): string | undefined {
  const added = edits?.get(name)
  if (added !== undefined) return added
  for (let field = 0; field < headers.count; field++) {
    if (headers.isNamed(field, name) && !edits?.drops(headers, field)) return headers.valueAt(field)
  }
  return undefined
}
