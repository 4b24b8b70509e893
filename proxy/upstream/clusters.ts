/** Every workload that this sidecar may call, reconciled with each snapshot. */
import type { Clock } from '../../mesh/clock.ts'
import type { Snapshot, SnapshotConfig } from '../../mesh/snapshot.ts'
import { Failure } from '../failure.ts'
import { Cluster, type UpstreamContext } from './cluster.ts'
import type { PortProtocols } from './dial-port.ts'
import { RetryBudget } from './retry-budget.ts'

/** How an endpoint stands, for the admin page and for people. */
export interface EndpointStatus {
  readonly id: string
  readonly address: string
  readonly port: number
  readonly zone: string | undefined
  readonly version: string | undefined
  readonly weight: number
  readonly healthy: boolean
  readonly draining: boolean
  /** Milliseconds until it comes back; 0: it is not ejected. */
  readonly ejectedForMs: number
  readonly activeRequests: number
  readonly connections: number
}

export interface ClusterStatus {
  readonly workload: string
  readonly activeRequests: number
  readonly pendingRequests: number
  readonly connections: number
  readonly endpoints: readonly EndpointStatus[]
}

/** Configuration never waits longer than this for a new cluster: an endpoint that does not answer must not hold it up. */
const WARM_UP_MS = 2000

export class Clusters {
  private readonly context: UpstreamContext
  private readonly clusters = new Map<string, Cluster>()
  private readonly warming = new Map<Cluster, Promise<void>>()
  private readonly budgets = new Map<string, RetryBudget>()

  constructor(context: UpstreamContext) {
    this.context = context
  }

  get(workload: string): Cluster | undefined {
    return this.clusters.get(workload)
  }

  /** Of a service; kept under its name. */
  retryBudget(service: string): RetryBudget | undefined {
    return this.budgets.get(service)
  }

  /**
   * Takes in what is new. Nothing goes away yet, because requests still go by the routes of before: `retain`
   * follows when the new ones are in force.
   */
  reconcile({ config, endpoints }: Snapshot): void {
    const protocols = protocolsOf(config)
    for (const [workload, wanted] of Object.entries(config.clusters)) {
      const cluster = this.clusters.get(workload)
      if (cluster === undefined) this.clusters.set(workload, new Cluster(wanted, protocols, this.context))
      else cluster.update(wanted, protocols)
    }
    for (const [workload, list] of Object.entries(endpoints.clusters)) {
      this.clusters.get(workload)?.setEndpoints(list)
    }
    for (const { service, retryBudget } of config.outbound) {
      const budget = this.budgets.get(service)
      if (budget === undefined) this.budgets.set(service, this.newBudget(service, retryBudget))
      else budget.update(retryBudget)
    }
  }

  private newBudget(service: string, policy: SnapshotConfig['outbound'][number]['retryBudget']): RetryBudget {
    const help = 'First tries, which earn retry budget.'
    const { metrics } = this.context
    return new RetryBudget(policy, metrics.counter('selvage_retry_budget_earned_total', help, { service }))
  }

  /**
   * Resolves when every cluster may take requests, or when that has taken too long. Endpoints that nobody knows are
   * waited for only while there are routes to go by meanwhile: at the start there is nothing better to keep.
   */
  async warm({ first = false } = {}): Promise<void> {
    for (const cluster of this.clusters.values()) {
      if (this.warming.has(cluster)) continue
      const ready = first && !cluster.endpointsKnown ? Promise.resolve() : cluster.warm()
      this.warming.set(cluster, within(WARM_UP_MS, this.context.clock, ready))
    }
    await Promise.all(this.warming.values())
  }

  /** Lets go of what no configuration in force names. */
  retain(config: SnapshotConfig): void {
    for (const [workload, cluster] of this.clusters) {
      if (workload in config.clusters) continue
      this.clusters.delete(workload)
      this.warming.delete(cluster)
      cluster.retire()
    }
    const services = new Set(config.outbound.map(({ service }) => service))
    for (const service of this.budgets.keys()) if (!services.has(service)) this.budgets.delete(service)
  }

  status(): ClusterStatus[] {
    return [...this.clusters.values()].map(statusOf)
  }

  /** The proxy ends: breaks what is still open. */
  close(): void {
    const failure = new Failure('draining', 'this sidecar is shutting down')
    for (const cluster of this.clusters.values()) cluster.destroy(failure)
    this.clusters.clear()
  }
}

function statusOf(cluster: Cluster): ClusterStatus {
  const { workload, activeRequests, pendingRequests, connections } = cluster
  const endpoints = [...cluster.all].map(endpoint => ({
    id: endpoint.id,
    address: endpoint.address,
    port: endpoint.port,
    zone: endpoint.zone,
    version: endpoint.version,
    weight: endpoint.weight,
    healthy: endpoint.healthy,
    draining: endpoint.draining,
    ejectedForMs: cluster.rotation.ejectedForMs(endpoint),
    activeRequests: endpoint.active,
    connections: endpoint.connections,
  }))
  return { workload, activeRequests, pendingRequests, connections, endpoints }
}

function protocolsOf(config: SnapshotConfig): PortProtocols {
  return new Map(
    config.outbound.flatMap(({ service, ports }) =>
      ports.map(({ port, protocol }) => [`${service}:${port}`, protocol] as const),
    ),
  )
}

async function within(limitMs: number, clock: Clock, work: Promise<unknown>): Promise<void> {
  await new Promise<void>(resolve => {
    const timer = clock.after(limitMs, resolve)
    work.then(() => {
      timer.cancel()
      resolve()
    }, resolve)
  })
}
