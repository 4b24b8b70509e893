/** Sizes in documents: a number of bytes, or `'64KiB'`. */
import { z } from 'zod'

const FORMAT = /^([0-9]{1,9})(B|KiB|MiB|GiB)$/
const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const
const EXPECTED = 'a number of bytes or a size such as "64KiB"'

/** Bytes of `64KiB`, `1MiB` or a plain number; undefined when the text is no size. */
export function parseByteSize(value: string | number): number | undefined {
  if (typeof value === 'number') return value
  const [, count, unit] = FORMAT.exec(value) ?? []
  return count === undefined ? undefined : Number(count) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES]
}

/** A schema of sizes up to a limit, which protects a proxy's memory. */
export const byteSizeSchema = (maxBytes: number) =>
  z.union([
    z.int().min(0).max(maxBytes),
    z
      .string({ error: 'expected a size such as "64KiB"' })
      .max(16)
      .refine(text => (parseByteSize(text) ?? Number.POSITIVE_INFINITY) <= maxBytes, {
        error: `expected ${EXPECTED}, at most ${maxBytes} bytes`,
      })
      .meta({ description: 'Size, for example 64KiB.', pattern: FORMAT.source }),
  ])
