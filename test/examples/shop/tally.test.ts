import { describe, expect, it } from 'vitest'
import { type Outcome, percentile, Tally } from '../../../examples/shop/tally.ts'

const outcome = (over: Partial<Outcome> = {}): Outcome => ({
  id: 'c1',
  method: 'GET',
  betaTester: false,
  startedMs: 10,
  endedMs: 12,
  status: 200,
  servedBy: { version: 'payments/v1', instance: 'payments-v1-a' },
  reason: undefined,
  flag: undefined,
  ...over,
})
const v2 = { version: 'payments/v2', instance: 'payments-v2-a' } as const

describe('Tally', () => {
  it('counts a request before the weight change when it was over by then', () => {
    const tally = new Tally()
    tally.record(outcome())
    tally.weightChanging(20)
    tally.record(outcome({ startedMs: 19, endedMs: 21 }))
    expect(tally.splitBefore).toEqual({ 'payments/v1': 1, 'payments/v2': 0 })
  })

  it('counts a request after the weight change when it began after the enforcement', () => {
    const tally = new Tally()
    tally.weightChanging(20)
    tally.weightChanged(30)
    tally.record(outcome({ startedMs: 25, endedMs: 40 }))
    tally.record(outcome({ startedMs: 31, endedMs: 40, servedBy: v2 }))
    expect(tally.splitAfter).toEqual({ 'payments/v1': 0, 'payments/v2': 1 })
  })

  it('keeps beta testers out of the split', () => {
    const tally = new Tally()
    tally.record(outcome({ betaTester: true, servedBy: v2 }))
    expect(tally.splitBefore).toEqual({ 'payments/v1': 0, 'payments/v2': 0 })
    expect(tally.betaTesters).toEqual({ 'payments/v1': 0, 'payments/v2': 1 })
  })

  it('counts a failed GET as failed and a failed POST apart', () => {
    const tally = new Tally()
    const span = tally.open(0)
    tally.record(outcome({ status: 503 }))
    tally.record(outcome({ status: 0, method: 'POST', id: 'c7' }))
    expect(tally.failed).toBe(1)
    expect(span.failed).toBe(1)
    expect(span.failedPosts.map(post => post.id)).toEqual(['c7'])
  })

  it('counts in a span what touched it, and nothing before or after', () => {
    const tally = new Tally()
    const span = tally.open(100)
    tally.record(outcome({ startedMs: 50, endedMs: 99 }))
    tally.record(outcome({ startedMs: 99, endedMs: 101 }))
    tally.close(span, 200)
    tally.record(outcome({ startedMs: 199, endedMs: 201 }))
    tally.record(outcome({ startedMs: 201, endedMs: 202 }))
    expect(span.requests).toBe(2)
  })

  it('begins each second anew', () => {
    const tally = new Tally()
    tally.record(outcome())
    expect(tally.takeSecond().requests).toBe(1)
    expect(tally.takeSecond().requests).toBe(0)
  })
})

describe('percentile', () => {
  it('takes the nearest rank whatever the order', () => {
    const values = [5, 1, 4, 2, 3]
    expect(percentile(values, 50)).toBe(3)
    expect(percentile(values, 99)).toBe(5)
    expect(percentile([], 50)).toBeNaN()
  })
})
