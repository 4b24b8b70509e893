/** A route as the index holds it, and the question that every table asks. */
import type { Condition } from './conditions.ts'
import type { PathMatch, RequestView } from './match.ts'
import type { Route } from './snapshot.ts'

export interface IndexedRule {
  /** Place in the order: lower wins. */
  readonly rank: number
  readonly route: Route
  readonly path: PathMatch | undefined
  /** What is left to ask when host and path match. */
  readonly conditions: readonly Condition[]
}

/** The lowest rank below `limit` among rules (in rank order) whose other conditions hold; else `limit`. */
export function firstMatch(rules: readonly IndexedRule[], request: RequestView, limit: number): number {
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]!
    if (rule.rank >= limit) return limit
    if (holds(rule.conditions, request)) return rule.rank
  }
  return limit
}

/** True when all hold. */
export function holds(conditions: readonly Condition[], request: RequestView): boolean {
  for (let index = 0; index < conditions.length; index++) if (!conditions[index]!.holds(request)) return false
  return true
}

/** Adds to the list under a key. */
export function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const found = map.get(key)
  if (found === undefined) map.set(key, [value])
  else found.push(value)
}
