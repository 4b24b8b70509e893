/**
 * Takes what is wrong out of a document, so that the rest can be checked, too: a document with ten mistakes reports
 * all ten. Lists remember where their elements stood.
 */
import type { Path } from './violation.ts'

/** Where the elements of a shortened list stood in the original. */
export type Origins = WeakMap<readonly unknown[], readonly number[]>

/** A copy without the values at these paths. */
export function prune(value: unknown, paths: readonly Path[], origins: Origins): unknown {
  if (paths.length === 0 || typeof value !== 'object' || value === null) return value
  const below = Map.groupBy(paths, path => path[0] as PropertyKey)
  const removed = (key: PropertyKey) => below.get(key)?.some(path => path.length === 1) === true
  const rest = (key: PropertyKey) => (below.get(key) ?? []).map(path => path.slice(1))
  if (!Array.isArray(value)) {
    const kept = Object.entries(value).filter(([key]) => !removed(key))
    return Object.fromEntries(kept.map(([key, member]) => [key, prune(member, rest(key), origins)]))
  }
  const before = origins.get(value)
  const kept = [...value.keys()].filter(index => !removed(index))
  const shortened = kept.map(index => prune(value[index], rest(index), origins))
  origins.set(
    shortened,
    kept.map(index => before?.[index] ?? index),
  )
  return shortened
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
