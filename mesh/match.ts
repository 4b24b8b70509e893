/**
 * Matching: what a route asks of a request, which route goes before which, and the answer. There is one matcher in
 * the project: the proxy's index and `explain` are built from what stands here and in `conditions.ts`.
 */
import { conditionsOf } from './conditions.ts'
import { trimmedPrefix } from './path-match.ts'
import { templateSegments } from './template.ts'

/**
 * Exactly one key besides `ignoreCase`. A plain string in a document means `exact`. `regex` is RE2, anchored at both
 * ends; `range` is `from` inclusive to `to` exclusive; `not` holds whenever what it negates does not, so for an
 * absent value, too.
 */
export type StringMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string; readonly ignoreCase?: boolean }
  | { readonly suffix: string; readonly ignoreCase?: boolean }
  | { readonly contains: string; readonly ignoreCase?: boolean }
  | { readonly regex: string; readonly ignoreCase?: boolean }
  | { readonly present: true }
  | { readonly absent: true }
  | { readonly range: { readonly from: number; readonly to: number } }
  | { readonly anyOf: readonly StringMatch[] }
  | { readonly not: StringMatch }

export type PathMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string; readonly ignoreCase?: boolean }
  | { readonly startsWith: string; readonly ignoreCase?: boolean }
  | { readonly template: string; readonly ignoreCase?: boolean }
  | { readonly regex: string; readonly ignoreCase?: boolean }

/** Every condition given must hold. */
export interface RouteMatch {
  /** Lower case; exact, or `*.` and a suffix. */
  readonly hosts?: readonly string[]
  readonly path?: PathMatch
  readonly methods?: readonly string[]
  readonly headers?: Readonly<Record<string, StringMatch>>
  /** Decoded; the first of repeated parameters. */
  readonly query?: Readonly<Record<string, StringMatch>>
  readonly cookies?: Readonly<Record<string, StringMatch>>
  readonly scheme?: 'http' | 'https'
  readonly port?: number
  /** Workload names, resolved. */
  readonly source?: readonly string[]
  readonly priority?: number
}

/** What matching needs to know of a request. The proxy implements it over raw bytes, `explain` over literals. */
export interface RequestView {
  readonly method: string
  /** Lower case, without port. */
  readonly host: string
  /** Normalised, without the query. */
  readonly path: string
  /** Raw, without `?`. */
  readonly query: string
  readonly scheme: 'http' | 'https'
  /** Port that was dialled. */
  readonly port: number
  /** Workload that calls. */
  readonly source: string | undefined
  /** Joined by `, ` when repeated; `name` in lower case. */
  header(name: string): string | undefined
}

/** True when every condition holds. Patterns are compiled here, once. */
export function compileMatch(match: RouteMatch): (request: RequestView) => boolean {
  const conditions = conditionsOf(match)
  return request => conditions.every(condition => condition.holds(request))
}

/** What the order of two routes depends on. */
export interface Ranked {
  readonly name: string | undefined
  readonly route: { readonly match: RouteMatch }
}

type Criterion = (a: RouteMatch, b: RouteMatch) => number

/** Lower goes first. A route holds one host here; several are ranked by their first. */
const CRITERIA: readonly Criterion[] = [
  by(match => match.priority ?? Number.POSITIVE_INFINITY),
  by(match => hostRank(match.hosts?.[0])),
  by(match => pathRank(match.path)[0]),
  by(match => pathRank(match.path)[1]),
  by(match => (match.methods === undefined ? 1 : 0)),
  by(match => -countOf(match.headers) - countOf(match.cookies)),
  by(match => -countOf(match.query)),
  by(match => -[match.source, match.port, match.scheme].filter(condition => condition !== undefined).length),
]

/**
 * Precedence, as an order for `sort` (which is stable, so that what is left goes by the order of the document):
 * priority; then by specificity as Gateway API defines it: host exact, longest wildcard, none; path exact, template,
 * longest prefix, regex, none; method; number of header matches (a cookie is one); number of query matches; and,
 * where Gateway API is silent, number of conditions on source, port and scheme; name, those without one last.
 */
export function compareRoutes(a: Ranked, b: Ranked): number {
  for (const criterion of CRITERIA) {
    const order = criterion(a.route.match, b.route.match)
    if (order !== 0) return order
  }
  if (a.name === b.name) return 0
  if (a.name === undefined || b.name === undefined) return a.name === undefined ? 1 : -1
  return a.name < b.name ? -1 : 1
}

function by(rank: (match: RouteMatch) => number): Criterion {
  return (a, b) => {
    const [left, right] = [rank(a), rank(b)]
    return left < right ? -1 : Number(left > right)
  }
}

const countOf = (conditions: object | undefined): number => Object.keys(conditions ?? {}).length

function hostRank(host: string | undefined): number {
  if (host === undefined) return 1
  return host.startsWith('*.') ? -host.length : Number.NEGATIVE_INFINITY
}

/** Kind of path, then specificity within the kind. Of two prefixes as long, whole segments match less. */
function pathRank(path: PathMatch | undefined): readonly [kind: number, within: number] {
  if (path === undefined) return [4, 0]
  if ('exact' in path) return [0, 0]
  if ('template' in path)
    return [1, -templateSegments(path.template).filter(segment => segment !== undefined).length]
  if ('prefix' in path) return [2, -trimmedPrefix(path.prefix).length - 0.5]
  if ('startsWith' in path) return [2, -path.startsWith.length]
  return [3, 0]
}
