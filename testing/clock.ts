/** Time that stands still until somebody turns it. */
import type { Clock, Timer } from '../mesh/clock.ts'

interface Pending {
  readonly dueMs: number
  /** Breaks ties: timers that are due together fire in the order in which they were set. */
  readonly order: number
  readonly run: () => void
}

/**
 * A `Clock` to turn by hand: `advance` fires what has become due, in order, at exactly its time. Promises that
 * timers resolve are settled before `advance` goes on, so that what they start may set timers of its own.
 */
export class ManualClock implements Clock {
  private readonly timers = new Set<Pending>()
  private elapsedMs = 0
  private order = 0
  private readonly epochMs: number

  /** `epochMs`: wall time at the start. */
  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.epochMs = epochMs
  }

  /** Begins now: for what is compared with the machine's own time elsewhere, such as certificates in TLS. */
  static atPresent(): ManualClock {
    return new ManualClock(Date.now())
  }

  now(): number {
    return this.epochMs + this.elapsedMs
  }

  monotonic(): number {
    return this.elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const pending: Pending = { dueMs: this.elapsedMs + Math.max(0, delayMs), order: this.order++, run }
    this.timers.add(pending)
    return { cancel: () => void this.timers.delete(pending) }
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.timers.size
  }

  /** Turns the clock on; timers that are set meanwhile and become due fire, too. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms
    await settled()
    for (let next = this.nextDue(untilMs); next !== undefined; next = this.nextDue(untilMs)) {
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs)
      this.timers.delete(next)
      next.run()
      await settled()
    }
    this.elapsedMs = untilMs
  }

  private nextDue(untilMs: number): Pending | undefined {
    let next: Pending | undefined
    for (const timer of this.timers) {
      if (timer.dueMs > untilMs) continue
      const sooner = next === undefined || timer.dueMs < next.dueMs
      if (sooner || (timer.dueMs === next!.dueMs && timer.order < next!.order)) next = timer
    }
    return next
  }
}

/** Resolves when everything that promises have set going has come to rest. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
