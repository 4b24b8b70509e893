/** From the resolved mesh to the two parts of one workload's snapshot. */
import { serverName, workloadId } from './protocol.ts'
import type { ResolvedMesh, ResolvedPort, ResolvedService, ResolvedWorkload } from './resolve.ts'
import type {
  Cluster,
  Endpoint,
  InboundAccess,
  InboundPort,
  OutboundService,
  SnapshotConfig,
  SnapshotEndpoints,
} from './snapshot.ts'

export interface CompileOptions {
  /** Allocated loopback address of each service that has one. */
  readonly addresses: ReadonlyMap<string, string>
}

/**
 * The configuration of one workload's proxies. Pure: the same mesh and addresses give the same value.
 *
 * @throws Error when the mesh has no such workload.
 */
export function compileSnapshot(
  mesh: ResolvedMesh,
  workload: string,
  options: CompileOptions,
): SnapshotConfig {
  const self = mesh.workloads.get(workload)
  if (self === undefined) throw new Error(`no workload "${workload}" in mesh "${mesh.name}"`)
  const outbound = callableServices(mesh, self)
  return {
    format: 1,
    mesh: mesh.name,
    domain: mesh.domain,
    trustDomain: mesh.trustDomain,
    workload,
    services: self.services,
    normalise: mesh.normalise,
    egress: mesh.egress,
    inbound: self.services.flatMap(name => inboundPorts(mesh, self, name)),
    outbound: outbound.map(({ service, ports }) => outboundService(service, ports, options)),
    clusters: clustersOf(mesh, outbound),
    telemetry: mesh.telemetry,
  }
}

/** Endpoints of the clusters in a config part. What is not known now stays out: unknown is not empty. */
export function selectEndpoints(
  config: SnapshotConfig,
  endpointsByWorkload: ReadonlyMap<string, readonly Endpoint[]>,
): SnapshotEndpoints {
  const clusters: Record<string, readonly Endpoint[]> = {}
  for (const workload of Object.keys(config.clusters)) {
    const endpoints = endpointsByWorkload.get(workload)
    if (endpoints !== undefined) clusters[workload] = endpoints
  }
  return { format: 1, clusters }
}

/** A service that a workload may call, with the ports that it may dial. */
export interface Callable {
  readonly service: ResolvedService
  readonly ports: readonly ResolvedPort[]
}

/**
 * The services in a workload's scope. A workload that lists no `calls` may call all; of its own services only the
 * ports that its app does not bind itself, because its sidecar could not listen there.
 */
export function callableServices(
  mesh: ResolvedMesh,
  { calls, services }: ResolvedWorkload,
): readonly Callable[] {
  if (calls !== undefined) {
    const named = [...mesh.services.values()].filter(service => calls.has(service.name))
    return named.map(service => ({ service, ports: service.ports }))
  }
  const bound = new Set(
    services.flatMap(name => mesh.services.get(name)?.ports.map(port => port.targetPort) ?? []),
  )
  const callable: Callable[] = []
  for (const service of mesh.services.values()) {
    const own = services.includes(service.name)
    const ports = own ? service.ports.filter(port => !bound.has(port.port)) : service.ports
    if (ports.length > 0) callable.push({ service, ports })
  }
  return callable
}

function inboundPorts(mesh: ResolvedMesh, self: ResolvedWorkload, name: string): InboundPort[] {
  const service = mesh.services.get(name)
  if (service === undefined) return []
  return service.ports.map(({ port, targetPort, protocol }) => ({
    service: name,
    port,
    targetPort,
    protocol,
    tls: self.tls.value.mode,
    timeout: service.timeout.value,
    circuitBreaker: self.circuitBreaker.value,
    access: inboundAccess(mesh, self.name, name, port),
  }))
}

/** What a workload's sidecar enforces for one port of one of its services. */
export function inboundAccess(
  mesh: ResolvedMesh,
  workload: string,
  service: string,
  port: number,
): InboundAccess {
  const naming = mesh.access.filter(rule => rule.to.includes(service) || rule.to.includes(workload))
  const enforced = naming.some(rule => rule.mode === 'enforce')
  return {
    byDefault: enforced ? 'deny' : mesh.accessDefault,
    rules: naming.filter(rule => rule.ports.length === 0 || rule.ports.includes(port)),
  }
}

function outboundService(
  { name, hosts, routes, fallback, retryBudget }: ResolvedService,
  ports: readonly ResolvedPort[],
  { addresses }: CompileOptions,
): OutboundService {
  const address = addresses.get(name)
  return {
    service: name,
    hosts,
    ...(address !== undefined && { address }),
    ports: ports.map(({ port, protocol }) => ({ port, protocol })),
    routes: routes.map(({ route }) => route),
    fallback: fallback.route,
    retryBudget: retryBudget.value,
  }
}

function clustersOf(mesh: ResolvedMesh, outbound: readonly Callable[]): Record<string, Cluster> {
  const callers = new Map<string, Set<string>>()
  for (const { service } of outbound)
    for (const { route } of [...service.routes, service.fallback])
      for (const { workload } of route.targets)
        if (workload !== undefined) getOrAdd(callers, workload).add(service.name)
  const clusters: Record<string, Cluster> = {}
  for (const [workload, services] of callers)
    clusters[workload] = clusterOf(mesh, mesh.workloads.get(workload)!, services)
  return clusters
}

function getOrAdd(map: Map<string, Set<string>>, key: string): Set<string> {
  const found = map.get(key) ?? new Set()
  map.set(key, found)
  return found
}

function clusterOf(mesh: ResolvedMesh, workload: ResolvedWorkload, callers: ReadonlySet<string>): Cluster {
  const { name, tls, loadBalancer, circuitBreaker, outlierDetection, healthCheck } = workload
  return {
    workload: name,
    identity: workloadId(mesh.trustDomain, name),
    serverNames: serverNames(mesh, workload, callers),
    tls: tls.value.mode,
    loadBalancer: loadBalancer.value,
    circuitBreaker: circuitBreaker.value,
    ...(!outlierDetection.off && { outlierDetection: outlierDetection.value }),
    ...(!healthCheck.off && { healthCheck: healthCheck.value }),
  }
}

/**
 * SNI by service and dial port. A service whose routes send to this workload without standing before it has an entry,
 * too: it leads to the first of the workload's own services that answers that port.
 */
function serverNames(
  mesh: ResolvedMesh,
  workload: ResolvedWorkload,
  callers: ReadonlySet<string>,
): Record<string, string> {
  const own: Record<string, string> = {}
  const byPort = new Map<number, string>()
  for (const service of workload.services)
    for (const { port } of mesh.services.get(service)?.ports ?? []) {
      own[`${service}:${port}`] = serverName(port, workload.name, service, mesh.domain)
      if (!byPort.has(port)) byPort.set(port, own[`${service}:${port}`]!)
    }
  const strangers = [...callers].filter(service => !workload.services.includes(service))
  for (const service of strangers) for (const [port, name] of byPort) own[`${service}:${port}`] = name
  return own
}
