/** Routes of one service: targets expanded, policies resolved, in order of precedence. */
import type { MeshDocumentInput, RouteInput, ServiceInput } from './document.ts'
import { hashOf } from './hash.ts'
import { compareRoutes } from './match.ts'
import { list, resolveMatch } from './match-schema.ts'
import { expand, type Names, workloadsOf } from './names.ts'
import { type Resolved, widerLevels } from './policy/levels.ts'
import { type OutlierDetection, resolveOutlierDetection } from './policy/outlier-detection.ts'
import { type Retry, resolveRetry, resolveRetryBudget } from './policy/retry.ts'
import { resolveTimeout, type Timeout } from './policy/timeout.ts'
import type { RetryBudget, Route, RouteTarget } from './snapshot.ts'

export interface ResolvedRoutes {
  readonly order: 'precedence' | 'listed'
  /** The first that matches wins. A route with several hosts stands here once for each. */
  readonly routes: readonly ResolvedRoute[]
  readonly fallback: ResolvedRoute
  readonly retryBudget: Resolved<RetryBudget>
}

export interface ResolvedRoute {
  readonly route: Route
  readonly name: string | undefined
  /** Place in the document's `routes`; undefined for the fallback. */
  readonly index: number | undefined
  readonly retry: Resolved<Retry>
  readonly timeout: Resolved<Timeout>
  readonly outlierDetection: Resolved<OutlierDetection> | undefined
}

interface ServiceContext {
  readonly document: MeshDocumentInput
  readonly names: Names
  readonly name: string
  readonly service: ServiceInput
  /** Its routes, in document order. */
  readonly routes: readonly IndexedRoute[]
}

/** An authored route and its place in the document. */
export interface IndexedRoute {
  readonly index: number
  readonly route: RouteInput
}

/** Key of a fallback; no route's name can be this. */
const FALLBACK_KEY = '*'

export function resolveRoutes(context: ServiceContext): ResolvedRoutes {
  const { document, name, service, names } = context
  const order = service.order ?? 'precedence'
  const routes = context.routes.flatMap(({ index, route }) => resolveRoute(context, index, route))
  if (order === 'precedence') routes.sort(compareRoutes)
  const equal = (names.services.get(name) ?? []).map(workload => ({ workload, name: workload, weight: 1 }))
  return {
    order,
    routes,
    fallback: build(context, undefined, {}, FALLBACK_KEY, {}, equal),
    retryBudget: resolveRetryBudget([
      ...widerLevels(document.defaults?.retry, name, service.retry),
      ...context.routes.map(({ index, route }) => ({ at: routeLevel(route, index), policy: route.retry })),
    ]),
  }
}

/** One route for each host, because precedence is decided host by host. */
function resolveRoute(context: ServiceContext, index: number, route: RouteInput): ResolvedRoute[] {
  const match = resolveMatch(route.match ?? {}, route.priority, written => expand(context.names, written))
  const targets = targetsOf(route.to).flatMap(target => expandTarget(context.names, target))
  const hosts = route.match?.host === undefined ? undefined : list(route.match.host)
  const { priority: _, ...keyed } = match
  const key = route.name ?? hashOf({ service: context.name, hosts: hosts ?? [], match: keyed })
  const matches = hosts === undefined ? [match] : hosts.map(host => ({ hosts: [host], ...match }))
  return matches.map(one => build(context, index, route, key, one, targets))
}

function build(
  { document, name, service }: ServiceContext,
  index: number | undefined,
  authored: Partial<RouteInput>,
  key: string,
  match: Route['match'],
  targets: readonly RouteTarget[],
): ResolvedRoute {
  const at = routeLevel(authored, index)
  const level = <Policy>(policy: Policy) => ({ at, policy })
  const { defaults } = document
  const retry = resolveRetry([...widerLevels(defaults?.retry, name, service.retry), level(authored.retry)])
  const timeout = resolveTimeout([
    ...widerLevels(defaults?.timeout, name, service.timeout),
    level(authored.timeout),
  ])
  const own = authored.outlierDetection
  const outlierDetection =
    own === undefined
      ? undefined
      : resolveOutlierDetection([
          ...widerLevels(defaults?.outlierDetection, name, service.outlierDetection),
          level(own),
        ])
  const route: Route = {
    key,
    match,
    targets,
    retry: retry.value,
    timeout: timeout.value,
    ...(outlierDetection !== undefined && { outlierDetection: outlierDetection.value }),
  }
  return { route, name: authored.name, index, retry, timeout, outlierDetection }
}

const routeLevel = (route: Partial<RouteInput>, index: number | undefined) =>
  route.name === undefined ? `routes[${index}]` : `route ${route.name}`

export interface AuthoredTarget {
  readonly name: string
  readonly weight: number
  readonly port?: number | undefined
}

/** The one form behind the three ways of writing `to`. */
export function targetsOf(to: RouteInput['to']): readonly AuthoredTarget[] {
  if (typeof to === 'string') return [{ name: to, weight: 1 }]
  if (Array.isArray(to)) return to.map(({ target, weight = 1, port }) => ({ name: target, weight, port }))
  return Object.entries(to).map(([name, weight]) => ({ name, weight }))
}

/** A service's share is divided equally among its workloads. */
function expandTarget(names: Names, { name, weight, port }: AuthoredTarget): RouteTarget[] {
  const workloads = workloadsOf(names, name)
  const rest = { name, ...(port !== undefined && { port }) }
  if (workloads === undefined) return [{ ...rest, weight }]
  return workloads.map(workload => ({ ...rest, workload, weight: weight / workloads.length }))
}
