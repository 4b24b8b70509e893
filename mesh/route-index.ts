/**
 * Routes compiled to an index whose lookup does not grow with their number when they differ by host or path. It gives
 * the same route as asking them one after the other: every route keeps its place in the order (its rank), and the
 * lowest rank that matches wins, whatever table it was found in.
 */
import { otherConditions } from './conditions.ts'
import { append, type IndexedRule } from './indexed-rule.ts'
import type { RequestView } from './match.ts'
import { PathTable } from './path-table.ts'
import type { Route } from './snapshot.ts'

/** Ranks are places in a list, so nothing matches at or after this one. */
const NO_RANK = Number.MAX_SAFE_INTEGER

export interface RouteIndex<R extends Route = Route> {
  /** The first route, in the order given, that matches; undefined when none does. */
  find(request: RequestView): R | undefined
  /** The same for a connection that carries plain bytes: routes that ask for anything of HTTP never match it. */
  findForConnection(port: number, source: string | undefined): R | undefined
}

/** @param routes in order of precedence, as a snapshot holds them. Throws when a pattern is not RE2 syntax. */
export function compileRoutes<R extends Route>(routes: readonly R[]): RouteIndex<R> {
  if (routes.length === 0) return NOTHING
  const rules = routes.map(toRule)
  const hosts = new HostTable(rules)
  const plain = rules.filter(rule => rule.connection)
  return {
    find: request => routes[hosts.find(request)],
    findForConnection: (port, source) =>
      routes[
        plain.find(({ route: { match } }) => {
          if (match.port !== undefined && match.port !== port) return false
          return match.source === undefined || (source !== undefined && match.source.includes(source))
        })?.rank ?? NO_RANK
      ],
  }
}

const NOTHING: RouteIndex<never> = { find: () => undefined, findForConnection: () => undefined }

function toRule(route: Route, rank: number): IndexedRule & { connection: boolean } {
  const conditions = otherConditions(route.match)
  const { hosts, path, scheme } = route.match
  const httpOnly = hosts !== undefined || path !== undefined || scheme !== undefined
  const connection = !httpOnly && conditions.every(({ input }) => input === 'port' || input === 'source')
  return { rank, route, path, conditions, connection }
}

/** One table of paths for each host that routes name, and one for those that name none. */
class HostTable {
  private readonly exact = new Map<string, PathTable>()
  /** By the suffix without `*.`: `example.com`. */
  private readonly wildcard = new Map<string, PathTable>()
  private readonly any: PathTable

  constructor(rules: readonly IndexedRule[]) {
    const exact = new Map<string, IndexedRule[]>()
    const wildcard = new Map<string, IndexedRule[]>()
    for (const rule of rules)
      for (const host of new Set(rule.route.match.hosts ?? [])) {
        if (host.startsWith('*.')) append(wildcard, host.slice(2), rule)
        else append(exact, host, rule)
      }
    this.any = new PathTable(rules.filter(rule => rule.route.match.hosts === undefined))
    for (const [host, own] of exact) this.exact.set(host, new PathTable(own))
    for (const [host, own] of wildcard) this.wildcard.set(host, new PathTable(own))
  }

  find(request: RequestView): number {
    let best = NO_RANK
    if (this.exact.size > 0) best = this.exact.get(request.host)?.find(request, best) ?? best
    if (this.wildcard.size > 0) best = this.findWildcard(request, best)
    return this.any.find(request, best)
  }

  private findWildcard(request: RequestView, limit: number): number {
    const { host } = request
    let best = limit
    // A leading dot leaves nothing for `*`.
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1))
      best = this.wildcard.get(host.slice(dot + 1))?.find(request, best) ?? best
    return best
  }
}
