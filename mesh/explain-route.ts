/** Why each route of a service did or did not match. */
import { type Condition, conditionsOf } from './conditions.ts'
import type { RequestView } from './match.ts'
import type { ResolvedService } from './resolve.ts'
import type { ResolvedRoute } from './resolve-routes.ts'

export interface ConditionExplanation {
  readonly input: Condition['input']
  /** Header, parameter or cookie. */
  readonly name: string | undefined
  readonly expected: string
  /** What the request has; undefined: nothing. */
  readonly found: string | undefined
  readonly holds: boolean
}

export interface RouteExplanation {
  /** `routes[2]`: where it stands in the document. */
  readonly place: string
  readonly name: string | undefined
  readonly key: string
  readonly conditions: readonly ConditionExplanation[]
  readonly matches: boolean
  /** It matches, and none before it does. */
  readonly taken: boolean
  readonly reason: string
}

export function explainRoutes(
  { routes }: ResolvedService,
  taken: ResolvedRoute | undefined,
  view: RequestView,
): readonly RouteExplanation[] {
  return routes.map(route => explainRoute(route, taken, view))
}

function explainRoute(
  resolved: ResolvedRoute,
  taken: ResolvedRoute | undefined,
  view: RequestView,
): RouteExplanation {
  const conditions = conditionsOf(resolved.route.match).map(condition => explainCondition(condition, view))
  const failed = conditions.find(({ holds }) => !holds)
  const before = taken !== undefined && taken !== resolved ? ` (routes[${taken.index}] goes before it)` : ''
  return {
    place: `routes[${resolved.index}]`,
    name: resolved.name,
    key: resolved.route.key,
    conditions,
    matches: failed === undefined,
    taken: resolved === taken,
    reason: failed === undefined ? `matches${before}` : describe(failed),
  }
}

const explainCondition = (condition: Condition, view: RequestView): ConditionExplanation => ({
  input: condition.input,
  name: condition.name,
  expected: condition.expected,
  found: condition.found(view),
  holds: condition.holds(view),
})

function describe({ input, name, expected, found }: ConditionExplanation): string {
  const what = name === undefined ? input : `${input} "${name}"`
  return `${what}: found ${found === undefined ? 'nothing' : JSON.stringify(found)}, expected ${expected}`
}
