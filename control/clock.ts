/** The control plane's only source of time. Unguessable bytes come from `node:crypto`. */
import type { Clock, Timer } from '../mesh/clock.ts'

/** The longest delay that Node's timers hold; they fire at once beyond it. */
const MAX_DELAY_MS = 2 ** 31 - 1

function after(delayMs: number, run: () => void): Timer {
  if (delayMs > MAX_DELAY_MS) {
    let rest = after(MAX_DELAY_MS, () => {
      rest = after(delayMs - MAX_DELAY_MS, run)
    })
    return { cancel: () => rest.cancel() }
  }
  const timeout = setTimeout(run, delayMs)
  return { cancel: () => clearTimeout(timeout) }
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now(), after }
