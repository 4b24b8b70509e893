import { describe, expect, it } from 'vitest'
import { Deadlines, deadlinesOf, NEVER, SWEEP_MS, Watched } from '../../../proxy/codec/deadlines.ts'
import { ManualClock } from '../../../testing/clock.ts'

class Noting extends Watched {
  readonly at: number[] = []
  private readonly clock: ManualClock
  constructor(clock: ManualClock) {
    super()
    this.clock = clock
  }
  override onDeadline(): void {
    this.at.push(this.clock.monotonic())
  }
}

describe('a deadline', () => {
  it('is never early and at most two sweeps late', async () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock)
    const each = new Noting(clock)
    deadlines.add(each)
    await clock.advance(SWEEP_MS - 1)
    each.deadlineMs = deadlines.in(1000)
    await clock.advance(10_000)
    expect(each.at).toHaveLength(1)
    expect(each.at[0]).toBeGreaterThanOrEqual(SWEEP_MS - 1 + 1000)
    expect(each.at[0]).toBeLessThanOrEqual(SWEEP_MS - 1 + 1000 + 2 * SWEEP_MS)
  })

  it('is moved by an assignment, and switched off by another', async () => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock)
    const each = new Noting(clock)
    deadlines.add(each)
    each.deadlineMs = deadlines.in(1000)
    await clock.advance(900)
    each.deadlineMs = deadlines.in(1000)
    await clock.advance(900)
    each.deadlineMs = NEVER
    await clock.advance(10_000)
    expect(each.at).toEqual([])
  })

  it('of 0 is for ever', () => {
    expect(new Deadlines(new ManualClock()).in(0)).toBe(NEVER)
  })
})

describe('the sweep', () => {
  it('runs only while somebody is watched, once for each clock', async () => {
    const clock = new ManualClock()
    const deadlines = deadlinesOf(clock)
    expect(deadlinesOf(clock)).toBe(deadlines)
    const each = new Noting(clock)
    expect(clock.pending).toBe(0)
    deadlines.add(each)
    expect(clock.pending).toBe(1)
    deadlines.remove(each)
    expect(clock.pending).toBe(0)
    each.deadlineMs = deadlines.in(10)
    await clock.advance(10_000)
    expect(each.at).toEqual([])
  })
})
