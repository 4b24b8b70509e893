/**
 * Timeouts of connections by one coarse sweep, so that setting one costs an assignment: a timer for each
 * request would cost more than reading its head.
 */
import type { Clock, Timer } from '../../mesh/clock.ts'

/** Time between sweeps. A deadline is never early and at most two sweeps late. */
export const SWEEP_MS = 250

/** Something with a deadline that moves often. */
export abstract class Watched {
  /** Of the sweep's clock; `NEVER` when nothing is awaited. */
  deadlineMs: number = NEVER
  /** Called once for a deadline, which is `NEVER` again by then. */
  abstract onDeadline(): void
}

export const NEVER: number = Number.POSITIVE_INFINITY

export class Deadlines {
  private readonly clock: Clock
  private readonly watched = new Set<Watched>()
  private timer: Timer | undefined
  private nowMs: number

  constructor(clock: Clock) {
    this.clock = clock
    this.nowMs = clock.monotonic()
  }

  add(each: Watched): void {
    this.watched.add(each)
    if (this.timer !== undefined) return
    this.nowMs = this.clock.monotonic()
    this.timer = this.clock.after(SWEEP_MS, this.sweep)
  }

  remove(each: Watched): void {
    this.watched.delete(each)
    if (this.watched.size > 0) return
    this.timer?.cancel()
    this.timer = undefined
  }

  /** The deadline for something that may take this long from now on; 0 means for ever. */
  in(timeoutMs: number): number {
    // The time we know may be one sweep old.
    return timeoutMs === 0 ? NEVER : this.nowMs + timeoutMs + SWEEP_MS
  }

  private readonly sweep = (): void => {
    this.nowMs = this.clock.monotonic()
    this.timer = this.clock.after(SWEEP_MS, this.sweep)
    for (const each of this.watched) {
      if (each.deadlineMs > this.nowMs) continue
      each.deadlineMs = NEVER
      each.onDeadline()
    }
  }
}

const byClock = new WeakMap<Clock, Deadlines>()

/** All connections with the same clock share one sweep. */
export function deadlinesOf(clock: Clock): Deadlines {
  let deadlines = byClock.get(clock)
  if (deadlines === undefined) {
    deadlines = new Deadlines(clock)
    byClock.set(clock, deadlines)
  }
  return deadlines
}
