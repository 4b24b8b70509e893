import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import { RetryBudget } from '../../../proxy/upstream/retry-budget.ts'

const spendAll = (budget: RetryBudget, nowMs: number): number => {
  let spent = 0
  while (budget.spend(nowMs)) spent++
  return spent
}

const earn = (budget: RetryBudget, tries: number, nowMs: number): void => {
  for (let i = 0; i < tries; i++) budget.earn(nowMs)
}

describe('RetryBudget', () => {
  it('allows one retry for five first tries at 20 %', () => {
    const budget = new RetryBudget({ percent: 20, minPerSecond: 0 }, new Counter())
    earn(budget, 100, 1000)
    expect(spendAll(budget, 1000)).toBe(20)
  })

  it('allows the reserve without any traffic, and again after the window', () => {
    const budget = new RetryBudget({ percent: 20, minPerSecond: 2 }, new Counter())
    expect(spendAll(budget, 0)).toBe(20)
    expect(spendAll(budget, 9_000)).toBe(0)
    expect(spendAll(budget, 10_000)).toBe(20)
  })

  it('forgets what was earned ten seconds ago', () => {
    const budget = new RetryBudget({ percent: 20, minPerSecond: 0 }, new Counter())
    earn(budget, 50, 500)
    expect(budget.spend(9_900)).toBe(true)
    expect(budget.spend(10_000)).toBe(false)
  })

  it('keeps what was earned when its terms change', () => {
    const budget = new RetryBudget({ percent: 20, minPerSecond: 0 }, new Counter())
    earn(budget, 50, 0)
    budget.update({ percent: 0, minPerSecond: 0 })
    earn(budget, 50, 0)
    expect(spendAll(budget, 0)).toBe(10)
  })

  it('starts over after a long silence', () => {
    const budget = new RetryBudget({ percent: 100, minPerSecond: 0 }, new Counter())
    earn(budget, 5, 0)
    earn(budget, 1, 3_600_000)
    expect(spendAll(budget, 3_600_000)).toBe(1)
  })

  it('never allows more in any ten seconds than their first tries and the reserve pay for', () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(3000), tries: fc.nat(20), retries: fc.nat(20) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, fc.nat(100), fc.nat(3), (script, percent, minPerSecond) => {
        const budget = new RetryBudget({ percent, minPerSecond }, new Counter())
        const events: { atMs: number; earned: number; spent: number }[] = []
        let nowMs = 0
        for (const { waitMs, tries, retries } of script) {
          nowMs += waitMs
          earn(budget, tries, nowMs)
          let spent = 0
          for (let i = 0; i < retries; i++) if (budget.spend(nowMs)) spent++
          events.push({ atMs: nowMs, earned: (tries * percent) / 100, spent })
        }
        const firstSpent = events.slice(0, 1).reduce((sum, event) => sum + event.spent, 0)
        expect(firstSpent).toBeLessThanOrEqual((events[0]?.earned ?? 0) + 10 * minPerSecond + 1e-6)
        const earned = events.reduce((sum, event) => sum + event.earned, 0)
        const spent = events.reduce((sum, event) => sum + event.spent, 0)
        const windows = Math.floor(nowMs / 10_000) + 1
        expect(spent).toBeLessThanOrEqual(earned + windows * 10 * minPerSecond + 1e-6)
      }),
    )
  })
})
