import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BodySink, BodySource } from '../../../../proxy/body.ts'
import { http2Client } from '../../../../proxy/codec/http2/client.ts'
import { DEFAULT_HTTP2_LIMITS } from '../../../../proxy/codec/http2/limits.ts'
import { http2Server } from '../../../../proxy/codec/http2/server.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Response } from '../../../../proxy/message.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { Outgoing } from './asking.ts'
import { settle, transportPair } from './memory-transport.ts'
import { answer, LIMITS } from './serving.ts'

const KIB = 1024
const WINDOWS = {
  ...DEFAULT_HTTP2_LIMITS,
  streamWindowBytes: 8 * KIB,
  maxStreamWindowBytes: 32 * KIB,
  connectionWindowBytes: 64 * KIB,
  maxConnectionWindowBytes: 128 * KIB,
}

/** Bytes in pieces, which heeds every pause. */
class Pieces implements BodySource {
  readonly length: number | undefined
  private readonly bytes: Buffer
  private readonly pieceBytes: number
  private at = 0
  private sink: BodySink | undefined
  private flowing = false
  private paused = false

  constructor(bytes: Buffer, pieceBytes: number, length: number | undefined) {
    this.bytes = bytes
    this.pieceBytes = pieceBytes
    this.length = length
  }

  pipe(sink: BodySink): void {
    this.sink = sink
    this.flow()
  }

  resume(): void {
    this.paused = false
    this.flow()
  }

  cancel(): void {
    this.sink = undefined
  }

  private flow(): void {
    if (this.flowing) return
    this.flowing = true
    while (!this.paused && this.sink !== undefined && this.at < this.bytes.length) {
      const chunk = Buffer.from(this.bytes.subarray(this.at, this.at + this.pieceBytes))
      this.at += chunk.length
      this.paused = true
      if (this.sink.write(chunk)) this.paused = false
      // A chunk is valid only during the call.
      chunk.fill(0)
    }
    this.flowing = false
    if (this.paused || this.at < this.bytes.length) return
    const { sink } = this
    this.sink = undefined
    sink?.end(HeaderBlock.of([['x-sum', String(this.bytes.length)]]))
  }
}

/** Reads a body, and pauses after every so many chunks until a later turn. */
function readSlowly(source: BodySource, pauseEvery: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    if (source.length === 0) {
      resolve(Buffer.alloc(0))
      return
    }
    source.pipe({
      write(chunk) {
        chunks.push(Buffer.from(chunk))
        if (pauseEvery === 0 || chunks.length % pauseEvery !== 0) return true
        setImmediate(() => source.resume())
        return false
      },
      end: () => resolve(Buffer.concat(chunks)),
      reset: reject,
    })
  })
}

interface Plan {
  readonly requestBytes: number
  readonly responseBytes: number
  readonly pieceBytes: number
  readonly announced: boolean
  readonly pauseEvery: number
  /** Turns after which the client gives up; 0: it does not. */
  readonly cancelAfter: number
}

const plan: fc.Arbitrary<Plan> = fc.record({
  requestBytes: fc.nat({ max: 40 * KIB }),
  responseBytes: fc.nat({ max: 80 * KIB }),
  pieceBytes: fc.integer({ min: 1000, max: 20 * KIB }),
  announced: fc.boolean(),
  pauseEvery: fc.nat({ max: 3 }),
  cancelAfter: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }) },
  ),
})

const bytesOf = (length: number, seed: number): Buffer => Buffer.alloc(length, `${seed}-${length} `)

function pair(cut: () => number) {
  const [near, far] = transportPair({ cut, highWaterBytes: 16 * KIB })
  const clock = new ManualClock()
  const errors: string[] = []
  const plans = new Map<string, Plan>()
  const received = new Map<string, Buffer>()
  let ends = 0
  const server = http2Server(far, {
    limits: LIMITS,
    http2: WINDOWS,
    normalise: 'base',
    scheme: 'http',
    clock,
    serve: async request => {
      request.onEnd = () => ends++
      const number = request.headers.get('x-number')!
      const { responseBytes, pieceBytes, announced, pauseEvery } = plans.get(number)!
      const bytes = await readSlowly(request.body, pauseEvery)
      received.set(number, bytes)
      const body = bytesOf(responseBytes, Number(number))
      return answer(200, [], new Pieces(body, pieceBytes, announced ? body.length : undefined))
    },
    onProtocolError: failure => errors.push(failure.message),
    onDefence: defence => errors.push(defence),
    onClose: () => {},
  })
  const client = http2Client(near, {
    limits: LIMITS,
    http2: WINDOWS,
    clock,
    meshPeer: false,
    onChange: () => {},
    onClose: () => {},
  })
  const run = async (number: number, each: Plan): Promise<void> => {
    plans.set(String(number), each)
    const { requestBytes, pieceBytes, announced, pauseEvery, cancelAfter } = each
    const bytes = bytesOf(requestBytes, number)
    const body = new Pieces(bytes, pieceBytes, announced ? bytes.length : undefined)
    const request = new Outgoing({ method: 'POST', headers: [['x-number', String(number)]], body })
    const response = client.send(request)
    const outcome = response.then(({ body: source }: Response) => readSlowly(source, pauseEvery))
    if (cancelAfter > 0) {
      void settle(cancelAfter).then(() => request.onCancel?.(new Failure('cancelled', 'enough')))
      await outcome.catch(() => {})
    } else {
      expect(await outcome).toEqual(bytesOf(each.responseBytes, number))
      expect(received.get(String(number))).toEqual(bytes)
    }
    expect(request.ends).toHaveLength(1)
  }
  return { run, server, client, errors, ends: () => ends }
}

describe('random exchanges', () => {
  it('arrive whole however bytes are cut, end once each, and leave windows as they should be', async () => {
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 20_000 })), {
      minLength: 1,
      maxLength: 20,
    })
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), cuts, async (plans, sizes) => {
        let turn = 0
        // Small pieces are rare, or it would take for ever.
        const { run, server, errors, client } = pair(() =>
          turn++ % 5 === 0 ? sizes[turn % sizes.length]! : 64 * KIB,
        )
        await Promise.all(plans.map((each, number) => run(number, each)))
        // More than every window holds: bytes that were lost from a window would stop it.
        await run(1000, {
          requestBytes: 300 * KIB,
          responseBytes: 300 * KIB,
          pieceBytes: 20 * KIB,
          announced: true,
          pauseEvery: 0,
          cancelAfter: 0,
        })
        await settle()
        expect(errors).toEqual([])
        expect(server.active).toBe(0)
        expect(client.capacity).toBe(DEFAULT_HTTP2_LIMITS.maxConcurrentStreams)
      }),
      { seed: 9113, numRuns: 12 },
    )
  })

  it('mean the same byte by byte as in one piece', async () => {
    for (const cut of [1, 2, 9, 10, 4096]) {
      const { run, errors } = pair(() => cut)
      await run(1, {
        requestBytes: 300,
        responseBytes: 300,
        pieceBytes: 100,
        announced: false,
        pauseEvery: 1,
        cancelAfter: 0,
      })
      expect(errors).toEqual([])
    }
  })
})
