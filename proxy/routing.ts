/**
 * What the filters `route` look up: services, routes and app ports of the snapshot in force, each with the
 * upstream state it leads to. A new snapshot is one assignment; requests under way keep the values they have.
 */
import { compileAccess } from '../mesh/access.ts'
import type { Random } from '../mesh/clock.ts'
import type { RequestView } from '../mesh/match.ts'
import { pick } from '../mesh/pick.ts'
import { compileRoutes, type RouteIndex } from '../mesh/route-index.ts'
import type { OutboundService, Route, RouteTarget, Snapshot, SnapshotConfig } from '../mesh/snapshot.ts'
import { Failure } from './failure.ts'
import type { Apps } from './upstream/apps.ts'
import type { App, Backend } from './upstream/backend.ts'
import type { Clusters } from './upstream/clusters.ts'
import type { RetryBudget } from './upstream/retry-budget.ts'

/** What was dialled, and by whom. */
export interface Dialled {
  readonly service: string
  readonly port: number
  readonly source: string | undefined
}

interface BoundTarget extends RouteTarget {
  /** By the port that was dialled. */
  readonly backends: ReadonlyMap<number, Backend | Failure>
}

interface BoundRoute extends Route {
  readonly targets: readonly BoundTarget[]
}

interface BoundService {
  readonly routes: RouteIndex<BoundRoute>
  /** For a service without routes. */
  readonly fallback: BoundRoute | undefined
}

interface Table {
  readonly services: ReadonlyMap<string, BoundService>
  /** By `<service>:<port>`. */
  readonly apps: ReadonlyMap<string, App>
}

export interface RoutingOptions {
  readonly clusters: Clusters
  readonly apps: Apps
  readonly random: Random
}

export class Routing {
  private readonly options: RoutingOptions
  private table: Table = { services: new Map(), apps: new Map() }
  private inForce: SnapshotConfig | undefined
  private latest: SnapshotConfig | undefined

  constructor(options: RoutingOptions) {
    this.options = options
  }

  /**
   * Puts a snapshot in force once the clusters that it brings are warm (or that took too long), and resolves then.
   * Endpoints take effect at once. A later snapshot may overtake an earlier one, never the other way round.
   * Throws, and changes no route, when a pattern of the configuration cannot be compiled.
   */
  async apply(snapshot: Snapshot): Promise<void> {
    const { clusters, apps } = this.options
    const { config } = snapshot
    this.latest = config
    clusters.reconcile(snapshot)
    await clusters.warm({ first: this.inForce === undefined })
    if (config === this.inForce || config !== this.latest) return
    this.table = bindTable(config, this.options)
    this.inForce = config
    clusters.retain(config)
    apps.retain(config)
  }

  /** The backend of a request: its route by precedence, its target by weight. */
  backend({ service, port }: Dialled, request: RequestView): Backend | Failure {
    const bound = this.table.services.get(service)
    if (bound === undefined) return unknownService(service)
    const route = bound.fallback ?? bound.routes.find(request)
    if (route === undefined) return new Failure('no-route', `no route of ${service} matches this request`)
    return drawBackend(service, port, route, this.options.random)
  }

  /** The same for a connection that carries plain bytes. */
  connectionBackend({ service, port, source }: Dialled): Backend | Failure {
    const bound = this.table.services.get(service)
    if (bound === undefined) return unknownService(service)
    const route = bound.fallback ?? bound.routes.findForConnection(port, source)
    if (route === undefined) return new Failure('no-route', `no route of ${service} matches this connection`)
    return drawBackend(service, port, route, this.options.random)
  }

  /** The app's port that a caller dialled. */
  app({ service, port }: Dialled): App | Failure {
    return (
      this.table.apps.get(`${service}:${port}`) ??
      new Failure('unknown-service', `this workload does not answer for port ${port} of ${service}`)
    )
  }
}

const unknownService = (service: string): Failure =>
  new Failure('unknown-service', `this workload may not call ${service}, or there is no such service`)

function drawBackend(service: string, port: number, route: BoundRoute, random: Random): Backend | Failure {
  const target = pick(route.targets, random)
  if (target === undefined) {
    return new Failure('no-backend', `route ${route.key} of ${service} has no target with a weight above 0`)
  }
  return target.backends.get(port) ?? new Failure('no-backend', `${service} is not served on port ${port}`)
}

function bindTable(config: SnapshotConfig, options: RoutingOptions): Table {
  const services = new Map(
    config.outbound.map(service => [service.service, bindService(service, options.clusters)]),
  )
  forgetRoutes(config, options.clusters)
  const apps = new Map(
    config.inbound.map(inbound => {
      const { service, port } = inbound
      const app: App = {
        service,
        workload: config.workload,
        inbound,
        access: compileAccess(inbound.access),
        pool: options.apps.pool(inbound),
      }
      return [`${service}:${port}`, app]
    }),
  )
  return { services, apps }
}

function bindService(outbound: OutboundService, clusters: Clusters): BoundService {
  const budget = clusters.retryBudget(outbound.service)!
  const bind = (route: Route): BoundRoute => ({
    ...route,
    targets: route.targets.map(target => bindTarget(target, route, outbound, budget, clusters)),
  })
  return {
    routes: compileRoutes(outbound.routes.map(bind)),
    fallback: outbound.routes.length === 0 ? bind(outbound.fallback) : undefined,
  }
}

function bindTarget(
  target: RouteTarget,
  route: Route,
  { service, ports }: OutboundService,
  retryBudget: RetryBudget,
  clusters: Clusters,
): BoundTarget {
  const cluster = target.workload === undefined ? undefined : clusters.get(target.workload)
  const bind = (dialled: number): Backend | Failure => {
    if (cluster === undefined) return new Failure('no-backend', `${target.name} does not exist (yet)`)
    const port = cluster.dialPort(service, target.port ?? dialled)
    if (port === undefined) {
      return new Failure('no-backend', `${target.name} does not answer on port ${target.port ?? dialled}`)
    }
    const rotation = cluster.rotationOf(rotationKey(service, route), route.outlierDetection)
    return { service, route, cluster, port, retryBudget, rotation }
  }
  return { ...target, backends: new Map(ports.map(({ port }) => [port, bind(port)])) }
}

const rotationKey = (service: string, route: Route): string => `${service}/${route.key}`

/** Rotations of routes that are gone, or no longer have outlier detection of their own, are forgotten. */
function forgetRoutes(config: SnapshotConfig, clusters: Clusters): void {
  const keys = new Set<string>()
  for (const outbound of config.outbound) {
    for (const route of [...outbound.routes, outbound.fallback]) {
      if (route.outlierDetection !== undefined) keys.add(rotationKey(outbound.service, route))
    }
  }
  for (const workload of Object.keys(config.clusters)) clusters.get(workload)?.retainRoutes(keys)
}
