/** Assertions on what a mesh would do with a request: no sockets, no processes, any test framework. */
import { AssertionError } from 'node:assert'
import type { MeshDocument } from '../mesh/define.ts'
import type { MeshDocumentInput } from '../mesh/document.ts'
import { type ExplainRequest, type Explanation, explain } from '../mesh/explain.ts'

/** Each throws an `AssertionError` that explains the decision, and returns itself to be asked more. */
export interface RouteExpectation<Name extends string = string> {
  /** The decision itself, for whatever is not asked here. */
  readonly explanation: Explanation
  /**
   * The request is forwarded: to this workload alone, or to these with these shares in percent.
   *
   * @example
   * expectRoute(mesh, { service: 'payments' }).toReach({ 'payments/v1': 90, 'payments/v2': 10 })
   */
  toReach(target: Name | Readonly<Partial<Record<Name, number>>>): RouteExpectation<Name>
  /** This route is taken: by its name, or by its place (`routes[2]`). */
  toTake(route: string): RouteExpectation<Name>
  /** No route matches: 404. */
  toMatchNothing(): RouteExpectation<Name>
  /** Access rules allow it: by this rule, when one is named. */
  toBeAllowed(by?: string): RouteExpectation<Name>
  /** Access rules refuse it (403): by this deny rule, when one is named; otherwise also by default. */
  toBeDenied(by?: string): RouteExpectation<Name>
  /** A policy field of the route has this value. `expected` is the resolved one, such as `perTryTimeoutMs: 250`. */
  toHave(
    policy: keyof Explanation['policies'],
    expected: Readonly<Record<string, unknown>>,
  ): RouteExpectation<Name>
}

/**
 * Asks what the mesh would do with a request: the same matcher and access rules that the sidecars run.
 *
 * @param document from `defineMesh`, or any valid document
 * @throws InvalidMesh when the document has violations; UnknownName when it lacks the service or source
 *
 * @example
 * expectRoute(mesh, { service: 'payments', headers: { 'x-user-type': 'beta-tester' }, source: 'web' })
 *   .toReach('payments/v2')
 *   .toBeAllowed()
 *
 * @example
 * expectRoute(mesh, { service: 'payments', method: 'DELETE', path: '/charges/1', source: 'orders' }).toBeDenied()
 */
export function expectRoute<Service extends string, Name extends string>(
  document: MeshDocument<Service, Name> | MeshDocumentInput,
  request: ExplainRequest<Service, Name>,
): RouteExpectation<Name> {
  const explanation = explain(document, request)
  const assert = (holds: boolean, expected: string, actual: string) => {
    if (!holds) throw failure(explanation, expected, actual)
  }
  const expectation: RouteExpectation<Name> = {
    explanation,
    toReach(target) {
      const expected = typeof target === 'string' ? { [target]: 100 } : target
      const actual = sharesOf(explanation)
      const reached = explanation.outcome.kind === 'forwarded' && sameShares(expected, actual)
      assert(reached, `to reach ${shown(expected)}`, reachOf(explanation, actual))
      return expectation
    },
    toTake(route) {
      const taken = explanation.routes.find(each => each.taken)
      const names = taken === undefined ? [] : [taken.name, taken.place]
      const actual = taken === undefined ? 'none was taken' : `${taken.name ?? taken.place} was taken`
      assert(names.includes(route), `to take the route ${route}`, actual)
      return expectation
    },
    toMatchNothing() {
      const { route, outcome } = explanation
      assert(route === undefined, 'to match no route', `${route?.place} matched: ${outcome.reason}`)
      return expectation
    },
    toBeAllowed(by) {
      const { allowed, rule, reason } = explanation.access
      assert(allowed && (by === undefined || by === rule), `to be allowed${ruleNamed(by)}`, reason)
      return expectation
    },
    toBeDenied(by) {
      const { allowed, rule, reason } = explanation.access
      assert(!allowed && (by === undefined || by === rule), `to be denied${ruleNamed(by)}`, reason)
      return expectation
    },
    toHave(policy, expected) {
      const fields = explanation.policies[policy] ?? {}
      for (const [field, value] of Object.entries(expected)) {
        const actual = fields[field]
        const from = actual === undefined ? '' : ` (from ${actual.from})`
        assert(
          JSON.stringify(actual?.value) === JSON.stringify(value),
          `to have ${policy}.${field} ${JSON.stringify(value)}`,
          `it is ${JSON.stringify(actual?.value)}${from}`,
        )
      }
      return expectation
    },
  }
  return expectation
}

type Shares = Readonly<Record<string, number | undefined>>

/** Percent of the requests by workload; what gets none is left out. */
function sharesOf({ backends }: Explanation): Record<string, number> {
  const shares: Record<string, number> = {}
  for (const { workload, name, percent } of backends) {
    if (percent === 0) continue
    const key = workload ?? name
    shares[key] = (shares[key] ?? 0) + percent
  }
  return shares
}

/** Weights such as 1:2 are thirds: a hundredth of a percent is close enough. */
const CLOSE_PERCENT = 0.01

function sameShares(expected: Shares, actual: Shares): boolean {
  return [...new Set([...Object.keys(expected), ...Object.keys(actual)])].every(
    name => Math.abs((expected[name] ?? 0) - (actual[name] ?? 0)) <= CLOSE_PERCENT,
  )
}

const shown = (shares: Shares): string =>
  Object.entries(shares)
    .map(([name, percent]) => `${name} ${Math.round((percent ?? 0) * 100) / 100} %`)
    .join(', ') || 'nothing'

function reachOf({ outcome }: Explanation, shares: Shares): string {
  if (outcome.kind === 'forwarded') return `it reaches ${shown(shares)}`
  return `it is answered with ${outcome.status} ${outcome.flag}: ${outcome.reason}`
}

const ruleNamed = (by: string | undefined): string => (by === undefined ? '' : ` by the rule "${by}"`)

/** The sentence, and every route with why it was or was not taken: what one would ask next. */
function failure(explanation: Explanation, expected: string, actual: string): AssertionError {
  const { request, routes } = explanation
  const from = request.source ?? 'a caller without a proven identity'
  const lines = routes.map(({ place, name, taken, reason }) => {
    const label = name === undefined ? place : `${place} "${name}"`
    return `  ${taken ? 'taken' : 'not taken'}: ${label}: ${reason}`
  })
  const message = [
    `expected ${request.method} ${request.path} to ${request.service} from ${from} ${expected}, but ${actual}`,
    ...lines,
  ].join('\n')
  return new AssertionError({ message, expected, actual, stackStartFn: expectRoute })
}
