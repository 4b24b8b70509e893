/**
 * From the document to the mesh that it means: names expanded to workloads, policies resolved by their levels,
 * routes in order of precedence. Everything a snapshot or `explain` needs, computed once per document.
 */
import type { MeshDocumentInput, ServiceInput } from './document.ts'
import { authoredWorkload, type Names, namesOf, scopeOf } from './names.ts'
import type { AccessRule } from './policy/access.ts'
import { type CircuitBreaker, resolveCircuitBreaker } from './policy/circuit-breaker.ts'
import { type HealthCheck, resolveHealthCheck } from './policy/health-check.ts'
import { type Level, type Resolved, widerLevels } from './policy/levels.ts'
import { type LoadBalancer, resolveLoadBalancer } from './policy/load-balancer.ts'
import { type OutlierDetection, resolveOutlierDetection } from './policy/outlier-detection.ts'
import { resolveTimeout, type Timeout } from './policy/timeout.ts'
import { resolveTls, type TlsMode } from './policy/tls.ts'
import { resolveAccess } from './resolve-access.ts'
import { type IndexedRoute, type ResolvedRoutes, resolveRoutes } from './resolve-routes.ts'
import type { Normalise, Protocol, TelemetryConfig } from './snapshot.ts'

export interface ResolvedMesh {
  readonly name: string
  readonly domain: string
  readonly trustDomain: string
  readonly normalise: Normalise
  readonly egress: 'allow-all' | 'registry-only'
  readonly telemetry: TelemetryConfig
  /** By name, in document order. */
  readonly services: ReadonlyMap<string, ResolvedService>
  /** By name (`payments/v1`, or a name of the top level), in document order. */
  readonly workloads: ReadonlyMap<string, ResolvedWorkload>
  /** What a service does when no enforcing rule names it. */
  readonly accessDefault: 'allow' | 'deny'
  /** In document order. */
  readonly access: readonly AccessRule[]
}

export interface ResolvedPort {
  /** Key in `ports`; undefined in the short form. */
  readonly name: string | undefined
  readonly port: number
  readonly targetPort: number
  readonly protocol: Protocol
}

export interface ResolvedService extends ResolvedRoutes {
  readonly name: string
  /** `<service>.<domain>` first, then the short name, then those in `hosts`. */
  readonly hosts: readonly string[]
  readonly ports: readonly ResolvedPort[]
  /** Names of the workloads behind it. */
  readonly workloads: readonly string[]
  /** What its sidecars apply to requests that come in, whatever route they took. */
  readonly timeout: Resolved<Timeout>
}

export interface ResolvedWorkload {
  readonly name: string
  /** Services that it stands behind. */
  readonly services: readonly string[]
  /** Services that it may call; undefined: all. */
  readonly calls: ReadonlySet<string> | undefined
  readonly loadBalancer: Resolved<LoadBalancer>
  readonly circuitBreaker: Resolved<CircuitBreaker>
  readonly outlierDetection: Resolved<OutlierDetection>
  readonly healthCheck: Resolved<HealthCheck>
  readonly tls: Resolved<{ readonly mode: TlsMode }>
}

/**
 * @param document one that `validate` accepted (several fragments: merged). Names that are only declared under
 *   `uses` stay pending: their share of a route is answered with 500.
 */
export function resolve(document: MeshDocumentInput): ResolvedMesh {
  const names = namesOf(document)
  const domain = document.domain ?? `${document.name}.internal`
  const indexed = (document.routes ?? []).map((route, index) => ({ index, route }))
  const routes = Map.groupBy(indexed, ({ route }) => route.service)
  const services = new Map<string, ResolvedService>()
  for (const [name, service] of Object.entries(document.services ?? {}))
    services.set(name, resolveService(document, names, domain, name, service, routes.get(name) ?? []))
  const workloads = new Map<string, ResolvedWorkload>()
  for (const name of names.workloads.keys()) workloads.set(name, resolveWorkload(document, names, name))
  return {
    name: document.name,
    domain,
    trustDomain: document.trustDomain ?? `${document.name}.internal`,
    normalise: document.normalise ?? 'base',
    egress: document.egress ?? 'allow-all',
    telemetry: {
      accessLog: document.telemetry?.accessLog ?? 'off',
      traceSamplePercent: document.telemetry?.tracing?.sample ?? 1,
    },
    services,
    workloads,
    ...resolveAccess(document.access, names),
  }
}

function resolveService(
  document: MeshDocumentInput,
  names: Names,
  domain: string,
  name: string,
  service: ServiceInput,
  routes: readonly IndexedRoute[],
): ResolvedService {
  return {
    name,
    hosts: hostsOf(name, service, domain),
    ports: portsOf(service),
    workloads: names.services.get(name) ?? [],
    timeout: resolveTimeout(widerLevels(document.defaults?.timeout, name, service.timeout)),
    ...resolveRoutes({ document, names, name, service, routes }),
  }
}

/** Canonical name first, then the short one, then what `hosts` adds. */
export const hostsOf = (name: string, service: ServiceInput, domain: string): readonly string[] => [
  ...new Set([`${name}.${domain}`, name, ...(service.hosts ?? [])]),
]

/** Both forms of writing ports as one list. */
export function portsOf(service: ServiceInput): readonly ResolvedPort[] {
  if (service.ports !== undefined)
    return Object.entries(service.ports).map(([name, port]) => onePort(name, port))
  return service.targetPort === undefined
    ? []
    : [onePort(undefined, { ...service, targetPort: service.targetPort })]
}

interface AuthoredPort {
  readonly port?: number | undefined
  readonly targetPort: number
  readonly protocol?: Protocol | undefined
}

function onePort(
  name: string | undefined,
  { port, targetPort, protocol = 'http' }: AuthoredPort,
): ResolvedPort {
  return { name, port: port ?? (protocol === 'tcp' ? targetPort : 80), targetPort, protocol }
}

function resolveWorkload(document: MeshDocumentInput, names: Names, name: string): ResolvedWorkload {
  const services = names.workloads.get(name) ?? []
  const { workload, service, serviceName } = authoredWorkload(document, names, name)
  const defaults = document.defaults
  const of = <Policy>(
    mesh: Policy | false | undefined,
    wider: Policy | false | undefined,
    policy: Policy | false | undefined,
  ): Level<Policy>[] => [...widerLevels(mesh, serviceName, wider), { at: `workload ${name}`, policy }]
  return {
    name,
    services,
    calls: scopeOf(document, names, name),
    loadBalancer: resolveLoadBalancer(
      of(defaults?.loadBalancer, service?.loadBalancer, workload?.loadBalancer),
    ),
    circuitBreaker: resolveCircuitBreaker(
      of(defaults?.circuitBreaker, service?.circuitBreaker, workload?.circuitBreaker),
    ),
    outlierDetection: resolveOutlierDetection(
      of(defaults?.outlierDetection, service?.outlierDetection, workload?.outlierDetection),
    ),
    healthCheck: resolveHealthCheck(of(defaults?.healthCheck, service?.healthCheck, workload?.healthCheck)),
    tls: resolveTls(of(defaults?.tls, service?.tls, workload?.tls)),
  }
}
