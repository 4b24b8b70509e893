/** Long work in slices, so that requests and renewals get their turn. */
import type { Clock } from '../mesh/clock.ts'

const SLICE_MS = 10

/** @returns what to await after each piece of work; it waits only when a slice is used up */
export function slices(clock: Clock): () => Promise<void> | undefined {
  let endMs = clock.monotonic() + SLICE_MS
  return () => {
    if (clock.monotonic() < endMs) return undefined
    return new Promise(resolve => {
      setImmediate(() => {
        endMs = clock.monotonic() + SLICE_MS
        resolve()
      })
    })
  }
}
