import { bytesBody } from '../../../../proxy/body.ts'
import type { CodecLimits, ServerConnection } from '../../../../proxy/codec/codec.ts'
import { http1Server } from '../../../../proxy/codec/http1/server.ts'
import type { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Request, Response } from '../../../../proxy/message.ts'
import type { Transport } from '../../../../proxy/transport.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { type LinkOptions, type MemoryTransport, transportPair } from '../../../support/memory-transport.ts'
import { RawPeer } from '../../../support/raw-peer.ts'

export const LIMITS: CodecLimits = {
  maxHeaderBytes: 8192,
  maxHeaderCount: 20,
  maxLineBytes: 1024,
  maxBodyBytes: 0,
  maxReadAheadBytes: 4096,
  headerTimeoutMs: 5000,
  bodyIdleTimeoutMs: 10_000,
  keepAliveTimeoutMs: 60_000,
}

export const response = (
  status: number,
  text = '',
  fields: readonly (readonly [string, string])[] = [],
): Response => ({
  status,
  headers: HeaderBlock.of(fields),
  body: bytesBody(Buffer.from(text)),
  edits: undefined,
})

export interface Served {
  readonly client: RawPeer
  readonly near: MemoryTransport
  readonly connection: ServerConnection
  readonly clock: ManualClock
  readonly requests: Request[]
  readonly failures: Failure[]
  readonly closed: () => boolean
}

export interface ServeOptions {
  readonly limits?: Partial<CodecLimits>
  readonly link?: LinkOptions
  readonly onConnect?: (authority: string, transport: Transport) => void
}

/** A server connection and the raw other end of it. */
export function serving(
  serve: (request: Request) => Response | Promise<Response>,
  { limits, link, onConnect }: ServeOptions = {},
): Served {
  const [near, far] = transportPair(link)
  const clock = new ManualClock()
  const requests: Request[] = []
  const failures: Failure[] = []
  let closed = false
  const connection = http1Server(near, {
    limits: { ...LIMITS, ...limits },
    normalise: 'base',
    scheme: 'http',
    clock,
    serve: async request => {
      requests.push(request)
      return serve(request)
    },
    onProtocolError: failure => failures.push(failure),
    onClose: () => {
      closed = true
    },
    ...(onConnect === undefined ? {} : { onConnect }),
  })
  return { client: new RawPeer(far), near, connection, clock, requests, failures, closed: () => closed }
}
