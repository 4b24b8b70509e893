/**
 * Time and chance as values. `mesh` declares them; each room above has one implementation
 * (its `clock.ts`), and nothing else reads the time or rolls dice.
 */

/** A timer that was started; `cancel` is idempotent and free after the timer fired. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall time in milliseconds since the epoch: for certificates, leases and logs. */
  now(): number
  /** Milliseconds that never go back, with fractions: for durations and deadlines. */
  monotonic(): number
  /** Calls `run` once, not before `delayMs` have passed. */
  after(delayMs: number, run: () => void): Timer
}

export interface Random {
  /** A number in [0, 1). */
  next(): number
}
