/** A clock that moves when the test says so; wall time begins at the real one, so that TLS clients agree. */
import type { Clock } from '../../mesh/clock.ts'

export interface HandClock extends Clock {
  /** Moves both times and fires what falls due, in order. */
  advance(ms: number): void
  /** Timers waiting. */
  readonly pending: number
}

export function handClock(startMs = Date.now()): HandClock {
  let elapsedMs = 0
  const timers = new Set<{ dueMs: number; run: () => void }>()
  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    after(delayMs, run) {
      const timer = { dueMs: elapsedMs + delayMs, run }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    advance(ms) {
      const untilMs = elapsedMs + ms
      for (;;) {
        const next = [...timers].filter(timer => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
        if (next === undefined) break
        timers.delete(next)
        elapsedMs = Math.max(elapsedMs, next.dueMs)
        next.run()
      }
      elapsedMs = untilMs
    },
    get pending() {
      return timers.size
    },
  }
}
