/**
 * How many retries a service may get, as a share of its first tries: every first try earns part of a token that
 * lives for ten seconds, a retry spends one, and a small reserve keeps retries possible where there is little
 * traffic. A dying service then sees 20 % more requests, never three times as many.
 */
import type { RetryBudget as RetryBudgetPolicy } from '../../mesh/snapshot.ts'
import type { Counter } from '../telemetry/metrics.ts'

const WINDOW_SECONDS = 10

export class RetryBudget {
  private readonly firstTries: Counter
  private earnedPerTry = 0
  private reserve = 0
  /** Earned less spent, by second; slots older than the window are forgotten. */
  private readonly seconds = new Float64Array(WINDOW_SECONDS)
  private lastSecond = 0

  /** `firstTries` counts what earned. */
  constructor(policy: RetryBudgetPolicy, firstTries: Counter) {
    this.firstTries = firstTries
    this.update(policy)
  }

  /** New terms; what was earned and spent stays. */
  update(policy: RetryBudgetPolicy): void {
    this.earnedPerTry = policy.percent / 100
    this.reserve = policy.minPerSecond * WINDOW_SECONDS
  }

  /** A first try. `nowMs`: of the monotonic clock. */
  earn(nowMs: number): void {
    this.firstTries.inc()
    const second = this.turn(nowMs)
    this.seconds[second] = this.seconds[second]! + this.earnedPerTry
  }

  /** A retry; false when nothing is left for it. */
  spend(nowMs: number): boolean {
    const second = this.turn(nowMs)
    if (this.balance() < 1) return false
    this.seconds[second] = this.seconds[second]! - 1
    return true
  }

  private balance(): number {
    let balance = this.reserve
    for (const earned of this.seconds) balance += earned
    // Shares such as 0.2 do not add up exactly.
    return balance + 1e-9
  }

  /** The slot of this second, after those that the window left behind were cleared. */
  private turn(nowMs: number): number {
    const now = Math.floor(nowMs / 1000)
    if (now !== this.lastSecond) {
      const from = Math.max(this.lastSecond + 1, now - WINDOW_SECONDS + 1)
      for (let second = from; second <= now; second++) this.seconds[second % WINDOW_SECONDS] = 0
      this.lastSecond = now
    }
    return now % WINDOW_SECONDS
  }
}
