import { type BodySource, EMPTY_BODY } from '../../../../proxy/body.ts'
import type { ClientConnection, CodecLimits } from '../../../../proxy/codec/codec.ts'
import { http1Client } from '../../../../proxy/codec/http1/client.ts'
import type { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock, type HeaderEdits } from '../../../../proxy/header-block.ts'
import type { OutgoingRequest, Response } from '../../../../proxy/message.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { type LinkOptions, type MemoryTransport, transportPair } from '../../../support/memory-transport.ts'
import { RawPeer } from '../../../support/raw-peer.ts'
import { LIMITS } from './serving.ts'

export interface OutgoingParts {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly authority?: string
  readonly fields?: readonly (readonly [string, string])[]
  readonly headers?: HeaderBlock
  readonly edits?: HeaderEdits
  readonly body?: BodySource
}

/** A request as an attempt would hand it to the codec, and what the codec told it. */
export class Outgoing implements OutgoingRequest {
  readonly method: string
  readonly scheme = 'http'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  readonly edits: HeaderEdits | undefined
  readonly body: BodySource
  onCancel: ((failure: Failure) => void) | undefined = undefined
  readonly ends: (Failure | undefined)[] = []
  readonly interims: number[] = []

  constructor(parts: OutgoingParts = {}) {
    this.method = parts.method ?? 'GET'
    this.path = parts.path ?? '/'
    this.query = parts.query ?? ''
    this.authority = parts.authority ?? 'a'
    this.headers = parts.headers ?? HeaderBlock.of(parts.fields ?? [['host', 'a']])
    this.edits = parts.edits
    this.body = parts.body ?? EMPTY_BODY
  }

  onInterim(status: number): void {
    this.interims.push(status)
  }

  onEnd(failure: Failure | undefined): void {
    this.ends.push(failure)
  }
}

export interface Sending {
  readonly server: RawPeer
  readonly connection: ClientConnection
  readonly near: MemoryTransport
  readonly clock: ManualClock
  /** Capacity at each call of `onChange`. */
  readonly changes: number[]
  readonly closed: () => boolean
}

export interface SendOptions {
  readonly limits?: Partial<CodecLimits>
  readonly link?: LinkOptions
  readonly meshPeer?: boolean
}

/** A client connection and the raw other end of it. */
export function sending({ limits, link, meshPeer }: SendOptions = {}): Sending {
  const [near, far] = transportPair(link)
  const clock = new ManualClock()
  const changes: number[] = []
  let closed = false
  const connection = http1Client(near, {
    limits: { ...LIMITS, ...limits },
    clock,
    meshPeer: meshPeer ?? false,
    onChange: each => changes.push(each.capacity),
    onClose: () => {
      closed = true
    },
  })
  return { server: new RawPeer(far), connection, near, clock, changes, closed: () => closed }
}

/** What a request was rejected with. */
export const rejection = (response: Promise<Response>): Promise<Failure> =>
  response.then(
    ({ status }) => {
      throw new Error(`expected a failure, got ${status}`)
    },
    failure => failure as Failure,
  )
