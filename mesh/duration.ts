/** Durations as people write them in documents: the format of Gateway API (GEP-2257). */
import { z } from 'zod'

const FORMAT = /^(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}$/
const PART = /([0-9]+)(h|ms|m|s)/g
const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const

/** Timers overflow just above 24 days; nothing in a mesh waits that long. */
const MAX_MS = 24 * 24 * UNIT_MS.h

export const DURATION_EXPECTED = 'a duration such as "250ms", "5s", "1m" or "1h30m"'

/** Milliseconds of `250ms`, `5s`, `1m`, `1h30m`; undefined when the text is no duration or above 24 days. */
export function parseDuration(text: string): number | undefined {
  if (!FORMAT.test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(PART))
    totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return totalMs <= MAX_MS ? totalMs : undefined
}

/** For policies whose documents have been checked already; throws otherwise. */
export function durationMs(value: string | 0 | false): number {
  if (value === 0 || value === false) return 0
  const parsed = parseDuration(value)
  if (parsed === undefined) throw new Error(`found ${JSON.stringify(value)}, expected ${DURATION_EXPECTED}`)
  return parsed
}

/** The longest unit that says it in whole numbers: 90000 → `90s`, 3600000 → `1h`. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const)
    if (ms !== 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`
  return `${ms}ms`
}

/** A duration of more than nothing. */
export const durationSchema = z
  .string({ error: `expected ${DURATION_EXPECTED}` })
  .max(32)
  .refine(text => (parseDuration(text) ?? 0) > 0, { error: `expected ${DURATION_EXPECTED}` })
  .meta({ description: 'Duration, for example 250ms, 5s, 1m, 1h30m.', pattern: FORMAT.source })

/** A duration, or `'0s'`, `0` or `false`: switched off. */
export const offableDurationSchema = z.union([
  z
    .string({ error: `expected ${DURATION_EXPECTED}` })
    .max(32)
    .refine(text => parseDuration(text) !== undefined, { error: `expected ${DURATION_EXPECTED}, or 0` })
    .meta({
      description: 'Duration, for example 250ms, 5s, 1m, 1h30m; 0s switches off.',
      pattern: FORMAT.source,
    }),
  z.literal(0),
  z.literal(false),
])
