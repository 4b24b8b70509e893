/**
 * Takes what is wrong out of a document, so that the rest can be checked, too: a document with ten mistakes reports
 * all ten. Lists remember where their elements stood.
 */
import type { Path } from './violation.ts'

/** Where the elements of a shortened list stood in the original. */
export type Origins = WeakMap<readonly unknown[], readonly number[]>

/** What to do at a place: take it out, or put something harmless there. */
export interface Edit {
  readonly path: Path
  /** Undefined: take out. */
  readonly instead?: unknown
}

/** A copy with these edits made; what they do not touch is shared. */
export function prune(value: unknown, edits: readonly Edit[], origins: Origins): unknown {
  if (edits.length === 0 || typeof value !== 'object' || value === null) return value
  const byKey = Map.groupBy(edits, ({ path }) => path[0] as PropertyKey)
  const here = (key: PropertyKey) => byKey.get(key)?.find(({ path }) => path.length === 1)
  const below = (key: PropertyKey, member: unknown) =>
    prune(
      member,
      (byKey.get(key) ?? []).map(({ path, instead }) => ({ path: path.slice(1), instead })),
      origins,
    )
  if (Array.isArray(value)) {
    const kept = [...value.keys()].filter(index => here(index) === undefined)
    const shortened = kept.map(index => below(index, value[index]))
    const before = origins.get(value)
    origins.set(
      shortened,
      kept.map(index => before?.[index] ?? index),
    )
    return shortened
  }
  const kept = Object.entries(value).filter(([key]) => here(key) === undefined)
  const added = edits.filter(({ path, instead }) => path.length === 1 && instead !== undefined)
  return Object.fromEntries([
    ...kept.map(([key, member]) => [key, below(key, member)]),
    ...added.map(({ path, instead }) => [path[0], instead]),
  ])
}

/** A path in the pruned document as a path in the original. */
export function originalPath(path: Path, pruned: unknown, origins: Origins): Path {
  let at = pruned
  return path.map(key => {
    const original = typeof key === 'number' && Array.isArray(at) ? (origins.get(at)?.[key] ?? key) : key
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined
    return original
  })
}
