/** The client codec, and a peer that answers it frame by frame. */
import type { BodySource } from '../../../../proxy/body.ts'
import { EMPTY_BODY } from '../../../../proxy/body.ts'
import type { ClientConnection, CodecLimits } from '../../../../proxy/codec/codec.ts'
import { http2Client } from '../../../../proxy/codec/http2/client.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from '../../../../proxy/codec/http2/limits.ts'
import type { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock, type HeaderEdits } from '../../../../proxy/header-block.ts'
import type { OutgoingRequest, Response } from '../../../../proxy/message.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { FramePeer, type Pairs } from './frame-peer.ts'
import { type MemoryTransport, settle, transportPair } from './memory-transport.ts'
import { LIMITS } from './serving.ts'

/** A request as filters would hand it down, which remembers its end. */
export class Outgoing implements OutgoingRequest {
  readonly method: string
  readonly scheme = 'http'
  readonly authority = 'shop'
  readonly path = '/'
  readonly query: string
  readonly headers: HeaderBlock
  readonly edits: HeaderEdits | undefined
  readonly body: BodySource
  onCancel: ((failure: Failure) => void) | undefined = undefined
  readonly interims: number[] = []
  /** One entry for each call. */
  readonly ends: (Failure | undefined)[] = []

  constructor(
    options: {
      method?: string
      query?: string
      headers?: Pairs | HeaderBlock
      body?: BodySource
      edits?: HeaderEdits
    } = {},
  ) {
    const { method = 'GET', query = '', headers = [], body = EMPTY_BODY, edits } = options
    this.method = method
    this.query = query
    this.headers = headers instanceof HeaderBlock ? headers : HeaderBlock.of(headers)
    this.body = body
    this.edits = edits
  }

  onInterim(status: number): void {
    this.interims.push(status)
  }

  onEnd(failure: Failure | undefined): void {
    this.ends.push(failure)
  }
}

export interface Asked {
  readonly connection: ClientConnection
  readonly peer: FramePeer
  readonly clock: ManualClock
  readonly client: MemoryTransport
  readonly server: MemoryTransport
  readonly changes: number[]
  closed(): boolean
}

export interface AskOptions {
  readonly meshPeer?: boolean
  readonly limits?: Partial<CodecLimits>
  readonly http2?: Partial<Http2Limits>
  readonly settings?: readonly Buffer[]
}

export async function asked(options: AskOptions = {}): Promise<Asked> {
  const [client, server] = transportPair()
  const clock = new ManualClock()
  const changes: number[] = []
  let isClosed = false
  const connection = http2Client(client, {
    limits: { ...LIMITS, ...options.limits },
    http2: { ...DEFAULT_HTTP2_LIMITS, ...options.http2 },
    clock,
    meshPeer: options.meshPeer ?? false,
    onChange: ({ capacity }) => changes.push(capacity),
    onClose: () => {
      isClosed = true
    },
  })
  const peer = new FramePeer(server, false)
  await peer.hello(...(options.settings ?? []))
  return { connection, peer, clock, client, server, changes, closed: () => isClosed }
}

/** The outcome of a promise, as a value. */
export const outcome = (response: Promise<Response>): Promise<Response | Failure> =>
  response.catch((failure: Failure) => failure)

export { settle }
