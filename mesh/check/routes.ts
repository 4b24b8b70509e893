/** Routes mean something, and only one thing. */
import type { RouteInput } from '../document.ts'
import { hashOf } from '../hash.ts'
import { normalisePath } from '../normalise-path.ts'
import { portsOf } from '../resolve.ts'
import type { Path } from '../violation.ts'
import type { Check, CheckContext } from './check.ts'
import { dialPorts } from './targets.ts'

interface Placed {
  readonly index: number
  readonly route: RouteInput
}

type RouteCheck = (context: CheckContext, placed: Placed) => void
type ServiceCheck = (context: CheckContext, service: string, routes: readonly Placed[]) => void

export const checkRoutes: Check = context => {
  const placed = (context.document.routes ?? []).map((route, index) => ({ route, index }))
  for (const one of placed) for (const check of eachRoute) check(context, one)
  for (const [service, routes] of Map.groupBy(placed, ({ route }) => route.service))
    for (const check of eachService) check(context, service, routes)
}

const needsName: RouteCheck = ({ report, damaged }, { index, route }) => {
  if (route.outlierDetection === undefined || route.name !== undefined) return
  if (damaged(['routes', index, 'name'])) return
  report(
    ['routes', index, 'outlierDetection'],
    'found outlierDetection on a route without name, expected a name: the stable key of its state',
  )
}

const knowsPort: RouteCheck = ({ document, report }, { index, route }) => {
  const ports = dialPorts(document, route.service)
  const port = route.match?.port
  if (port === undefined || ports.length === 0 || ports.includes(port)) return
  report(
    ['routes', index, 'match', 'port'],
    `found ${port}, expected a port that callers of "${route.service}" dial: ${ports.join(', ')}`,
  )
}

const HTTP_INPUTS = ['host', 'path', 'method', 'headers', 'query', 'cookies', 'scheme', 'grpc'] as const

const asksBytesForHttp: RouteCheck = ({ document, report }, { index, route }) => {
  const service = document.services?.[route.service]
  const ports = service === undefined ? [] : portsOf(service)
  if (ports.length === 0 || ports.some(({ protocol }) => protocol !== 'tcp')) return
  for (const input of HTTP_INPUTS)
    if (route.match?.[input] !== undefined)
      report(
        ['routes', index, 'match', input],
        `found a condition on HTTP, expected only port and source: all ports of "${route.service}" are tcp`,
      )
}

const TEXT_KEYS = ['exact', 'prefix', 'startsWith'] as const

/** A path that normalisation would change never arrives. */
const isNormalised: RouteCheck = ({ document, report }, { index, route }) => {
  const path = route.match?.path
  if (path === undefined) return
  const at: Path = ['routes', index, 'match', 'path']
  if (typeof path === 'string') return reportNotNormal(document, report, at, path)
  const texts = path as Partial<Record<(typeof TEXT_KEYS)[number], string>>
  for (const key of TEXT_KEYS)
    if (texts[key] !== undefined) reportNotNormal(document, report, [...at, key], texts[key])
}

/** Reports a literal path that differs from its normal form at the level of the mesh. */
export function reportNotNormal(
  document: CheckContext['document'],
  report: CheckContext['report'],
  path: Path,
  text: string,
): void {
  const level = document.normalise ?? 'base'
  const normal = normalisePath(text, level)
  if (normal === text) return
  const expected = normal === undefined ? 'a path without NUL' : JSON.stringify(normal)
  report(
    path,
    `found "${text}", which never arrives, because paths are normalised first (${level}); expected ${expected}`,
  )
}

const eachRoute: readonly RouteCheck[] = [needsName, knowsPort, asksBytesForHttp, isNormalised]

const namedOnce: ServiceCheck = ({ report }, service, routes) => {
  const seen = new Map<string, number>()
  for (const { index, route } of routes) {
    if (route.name === undefined) continue
    const before = seen.get(route.name)
    if (before === undefined) seen.set(route.name, index)
    else
      report(
        ['routes', index, 'name'],
        `found "${route.name}", which routes[${before}] of "${service}" has already; expected another name`,
      )
  }
}

const matchedOnce: ServiceCheck = ({ warn, damaged }, _service, routes) => {
  const seen = new Map<string, number>()
  for (const { index, route } of routes) {
    if (damaged(['routes', index, 'match'])) continue
    const key = hashOf([route.match ?? {}, route.priority ?? null])
    const before = seen.get(key)
    if (before === undefined) seen.set(key, index)
    else warn(['routes', index], `it is never reached: routes[${before}] matches the same requests`)
  }
}

const priorityCounts: ServiceCheck = ({ document, report }, service, routes) => {
  if (document.services?.[service]?.order !== 'listed') return
  for (const { index, route } of routes)
    if (route.priority !== undefined)
      report(
        ['routes', index, 'priority'],
        `found a priority, expected none: the routes of "${service}" go in the order that they are listed in`,
      )
}

const oneBudget: ServiceCheck = ({ report }, service, routes) => {
  const seen = new Map<string, number>()
  for (const { index, route } of routes) {
    const budget = typeof route.retry === 'object' ? route.retry.budget : undefined
    if (budget === undefined) continue
    const [first] = seen
    if (first !== undefined && first[0] !== hashOf(budget))
      report(
        ['routes', index, 'retry', 'budget'],
        `found another budget than in routes[${first[1]}], expected one: a retry budget belongs to the service (services.${service}.retry.budget)`,
      )
    seen.set(hashOf(budget), index)
  }
}

const eachService: readonly ServiceCheck[] = [namedOnce, matchedOnce, priorityCounts, oneBudget]
