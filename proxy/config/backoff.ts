/** How long to wait before trying again: doubling, with full jitter, so that a thousand proxies spread out. */
import type { Random } from '../../mesh/clock.ts'

export interface BackoffLimits {
  readonly baseMs: number
  readonly maxMs: number
}

/** `failures`: tries that failed in a row, 1 or more. At least half of the step, so that it never spins. */
export function backoffMs(failures: number, { baseMs, maxMs }: BackoffLimits, random: Random): number {
  const step = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
  return step / 2 + (random.next() * step) / 2
}
