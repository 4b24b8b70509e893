/** Hashes of plain values: equal values have equal hashes, whatever the order of their keys. */
import { xxhash64 } from './xxhash64.ts'

/** JSON with the keys of every object sorted; properties that are undefined are left out, as `JSON.stringify` does. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`)
  }
  return `{${members.join(',')}}`
}

/** xxHash64 of the canonical JSON: 16 hex digits. For ETags and keys, not for secrets. */
export const hashOf = (value: unknown): string => xxhash64(new TextEncoder().encode(canonicalJson(value)))
