/** Hashes of plain values: equal values have equal hashes, whatever the order of their keys. */
import { xxhash64 } from './xxhash64.ts'

/** JSON with the keys of every object sorted; properties that are undefined are left out, as `JSON.stringify` does. */
export const canonicalJson = (value: unknown): string => JSON.stringify(withSortedKeys(value)) ?? 'null'

function withSortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withSortedKeys)
  const object = value as Record<string, unknown>
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(object).sort()) {
    const member = withSortedKeys(object[key])
    // Assigning to this one key would set the prototype.
    if (key === '__proto__') Object.defineProperty(sorted, key, { value: member, enumerable: true })
    else sorted[key] = member
  }
  return sorted
}

/** xxHash64 of the canonical JSON: 16 hex digits. For ETags and keys, not for secrets. */
export const hashOf = (value: unknown): string => xxhash64(new TextEncoder().encode(canonicalJson(value)))
