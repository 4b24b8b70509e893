/** What every body source must do (`proxy/body.ts`), under random pauses, resumes, cancels and breaks. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { BodySink, BodySource } from '../../proxy/body.ts'
import { Failure } from '../../proxy/failure.ts'
import type { HeaderBlock } from '../../proxy/header-block.ts'
import { until } from '../support/until.ts'

/** A body to be had from the source under test. */
export interface BodyScript {
  readonly pieces: readonly Buffer[]
  readonly trailers: readonly (readonly [string, string])[]
  /** It breaks behind its pieces instead of ending. */
  readonly breaks: boolean
}

export interface OpenBody {
  readonly source: BodySource
  /** What else must come true once the body is over or was cancelled. */
  readonly settled?: () => boolean
  /** Frees what the source needed. */
  readonly close?: () => void
}

export interface BodyKind {
  readonly open: (script: BodyScript) => OpenBody | Promise<OpenBody>
  /** Whether it carries trailers. */
  readonly hasTrailers: boolean
  /** Whether it can break. */
  readonly canBreak: boolean
  readonly runs?: number
}

/** What a reader does at a write. */
const STEPS = ['take', 'pause', 'pause-briefly', 'resume-within', 'resume-in-vain', 'cancel'] as const
type Step = (typeof STEPS)[number]

/** A reader that does as it is told, and notes every breach of the contract. */
class ContractSink implements BodySink {
  readonly breaches: string[] = []
  readonly chunks: Buffer[] = []
  ending: 'none' | 'end' | 'reset' | 'cancelled' = 'none'
  trailers: HeaderBlock | undefined = undefined
  private readonly source: BodySource
  private readonly steps: readonly Step[]
  private next = 0
  private paused = false
  private writing = false

  constructor(source: BodySource, steps: readonly Step[]) {
    this.source = source
    this.steps = steps
  }

  write(chunk: Buffer): boolean {
    if (this.ending !== 'none') this.breaches.push(`write after ${this.ending}`)
    if (this.paused) this.breaches.push('write while paused')
    if (this.writing) this.breaches.push('write within write')
    this.writing = true
    this.chunks.push(Buffer.from(chunk))
    const more = this.act(this.steps[this.next++ % this.steps.length]!)
    this.writing = false
    return more
  }

  end(trailers?: HeaderBlock): void {
    if (this.ending !== 'none') this.breaches.push(`end after ${this.ending}`)
    if (this.paused) this.breaches.push('end while paused')
    this.ending = 'end'
    this.trailers = trailers
  }

  reset(_failure: Failure): void {
    if (this.ending !== 'none') this.breaches.push(`reset after ${this.ending}`)
    this.ending = 'reset'
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  private act(step: Step): boolean {
    if (step === 'take') return true
    if (step === 'cancel') {
      this.ending = 'cancelled'
      this.source.cancel(LEFT)
      this.source.cancel(LEFT)
      return false
    }
    if (step === 'resume-in-vain') {
      this.source.resume()
      return true
    }
    if (step === 'resume-within') {
      this.source.resume()
      return false
    }
    this.paused = true
    const resume = (): void => {
      this.paused = false
      this.source.resume()
    }
    if (step === 'pause-briefly') queueMicrotask(resume)
    else setTimeout(resume, 1)
    return false
  }
}

const LEFT = new Failure('downstream-gone', 'the reader left')

const piece = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 50 }),
  fc.integer({ min: 1, max: 40_000 }).map(length => new Uint8Array(length).map((_, i) => i % 251)),
)
const script = fc.record({
  pieces: fc.array(
    piece.map(bytes => Buffer.from(bytes)),
    { maxLength: 6 },
  ),
  trailers: fc.constantFrom<[string, string][]>([], [['x-sum', '1']]),
  breaks: fc.boolean(),
})
const plan = fc.record({
  steps: fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 10 }),
  /** Turns that pass before somebody begins to read. */
  lateness: fc.integer({ min: 0, max: 3 }),
})

export function bodyContract({ open, hasTrailers, canBreak, runs = 60 }: BodyKind): void {
  const possible = script.map(each => ({ ...each, breaks: each.breaks && canBreak }))

  it('gives all bytes, then exactly one end, and heeds every pause', async () => {
    await fc.assert(
      fc.asyncProperty(possible, plan, async (body, { steps, lateness }) => {
        const { source, settled, close } = await open(body)
        for (let turn = 0; turn < lateness; turn++) await new Promise(resolve => setImmediate(resolve))
        const sink = new ContractSink(source, steps)
        source.pipe(sink)
        await until('the body is over', () => sink.ending !== 'none' && (settled?.() ?? true))
        await new Promise(resolve => setTimeout(resolve, 2))
        close?.()
        expect(sink.breaches).toEqual([])
        const whole = Buffer.concat(body.pieces)
        expect(whole.subarray(0, sink.bytes.length).equals(sink.bytes)).toBe(true)
        if (sink.ending === 'cancelled') return
        expect(sink.ending).toBe(body.breaks ? 'reset' : 'end')
        if (sink.ending !== 'end') return
        expect(sink.bytes.length).toBe(whole.length)
        if (hasTrailers) expect(sink.trailers?.get('x-sum')).toBe(body.trailers[0]?.[1])
      }),
      { numRuns: runs, seed: 7 },
    )
  })

  it('calls nobody when it is cancelled before it is read', async () => {
    const { source, close } = await open({ pieces: [Buffer.from('hello')], trailers: [], breaks: false })
    source.cancel(LEFT)
    source.cancel(LEFT)
    const sink = new ContractSink(source, ['take'])
    source.pipe(sink)
    await new Promise(resolve => setTimeout(resolve, 5))
    close?.()
    expect(sink).toMatchObject({ ending: 'none', chunks: [], breaches: [] })
  })
}
