/** The server codec with a handler of a test's own, and a peer that speaks to it. */
import type { BodySource } from '../../../../proxy/body.ts'
import { bytesBody, EMPTY_BODY } from '../../../../proxy/body.ts'
import type { CodecLimits, ServerConnection } from '../../../../proxy/codec/codec.ts'
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from '../../../../proxy/codec/http2/limits.ts'
import { http2Server } from '../../../../proxy/codec/http2/server.ts'
import type { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { MessageEnd, Request, Response } from '../../../../proxy/message.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { FramePeer, type Pairs } from './frame-peer.ts'
import { type MemoryTransport, type PairOptions, settle, transportPair } from './memory-transport.ts'

export const LIMITS: CodecLimits = {
  maxHeaderBytes: 16 * 1024,
  maxHeaderCount: 64,
  maxLineBytes: 8 * 1024,
  maxBodyBytes: 0,
  maxReadAheadBytes: 64 * 1024,
  headerTimeoutMs: 5000,
  bodyIdleTimeoutMs: 10_000,
  keepAliveTimeoutMs: 60_000,
}

export const answer = (status: number, fields: Pairs = [], body: BodySource = EMPTY_BODY): Response => ({
  status,
  headers: HeaderBlock.of(fields),
  body,
  edits: undefined,
})

export const text = (body: string): Response =>
  answer(200, [['content-length', String(body.length)]], bytesBody(Buffer.from(body)))

/** Reads a body to its end. */
export function readAll(source: BodySource): Promise<{ bytes: Buffer; trailers: HeaderBlock | undefined }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    if (source.length === 0) resolve({ bytes: Buffer.alloc(0), trailers: undefined })
    else
      source.pipe({
        write(chunk) {
          chunks.push(Buffer.from(chunk))
          return true
        },
        end: trailers => resolve({ bytes: Buffer.concat(chunks), trailers }),
        reset: reject,
      })
  })
}

export interface Served {
  readonly peer: FramePeer
  readonly connection: ServerConnection
  readonly requests: Request[]
  readonly ends: MessageEnd[]
  readonly aborts: Failure[]
  readonly errors: Failure[]
  readonly defences: string[]
  readonly clock: ManualClock
  readonly server: MemoryTransport
  readonly client: MemoryTransport
  closed(): boolean
}

export interface ServeOptions {
  readonly serve?: (request: Request) => Promise<Response> | Response
  readonly limits?: Partial<CodecLimits>
  readonly http2?: Partial<Http2Limits>
  readonly pair?: PairOptions
  /** Says hello before the test begins. */
  readonly settings?: readonly Buffer[] | undefined
}

export async function served(options: ServeOptions = {}): Promise<Served> {
  const { serve = () => text('hello') } = options
  const [client, server] = transportPair(options.pair)
  const clock = new ManualClock()
  const requests: Request[] = []
  const ends: MessageEnd[] = []
  const aborts: Failure[] = []
  const errors: Failure[] = []
  const defences: string[] = []
  let isClosed = false
  const connection = http2Server(server, {
    limits: { ...LIMITS, ...options.limits },
    http2: { ...DEFAULT_HTTP2_LIMITS, ...options.http2 },
    normalise: 'base',
    scheme: 'http',
    clock,
    serve: async request => {
      requests.push(request)
      request.onEnd = end => ends.push(end)
      request.onAbort = failure => aborts.push(failure)
      return serve(request)
    },
    onProtocolError: failure => errors.push(failure),
    onDefence: defence => defences.push(defence),
    onClose: () => {
      isClosed = true
    },
  })
  const peer = new FramePeer(client, true)
  await peer.hello(...(options.settings ?? []))
  await settle()
  return {
    peer,
    connection,
    requests,
    ends,
    aborts,
    errors,
    defences,
    clock,
    server,
    client,
    closed: () => isClosed,
  }
}
