/** The numbers of one workload as a destination, under names that Envoy's users know. */
import type { Counter, MetricsRegistry } from '../telemetry/metrics.ts'
import type { ProbeResult } from './health-check.ts'

/** What is read when somebody looks. */
export interface ClusterNumbers {
  readonly endpointCount: number
  readonly wellCount: number
  readonly ejectedCount: number
  readonly activeRequests: number
  readonly connections: number
  readonly pendingRequests: number
}

const GAUGES: readonly (readonly [name: string, help: string, read: keyof ClusterNumbers])[] = [
  ['selvage_cluster_endpoints', 'Endpoints of the workload.', 'endpointCount'],
  ['selvage_cluster_endpoints_healthy', 'Endpoints that take requests.', 'wellCount'],
  ['selvage_outlier_ejections_active', 'Endpoints that are ejected now.', 'ejectedCount'],
  ['selvage_upstream_requests_active', 'Requests in flight to the workload.', 'activeRequests'],
  ['selvage_upstream_requests_pending', 'Requests that wait for a connection.', 'pendingRequests'],
  ['selvage_upstream_connections_active', 'Open connections to the workload.', 'connections'],
]

export class ClusterMetrics {
  readonly ejections: Counter
  readonly observations: Counter
  readonly checks: Readonly<Record<ProbeResult, Counter>>
  private readonly workload: string
  private readonly registry: MetricsRegistry

  constructor(workload: string, registry: MetricsRegistry, numbers: ClusterNumbers) {
    this.workload = workload
    this.registry = registry
    this.ejections = registry.counter('selvage_outlier_ejections_total', 'Ejections of endpoints.', {
      workload,
    })
    const help = 'Ends of attempts that outlier detection has judged.'
    this.observations = registry.counter('selvage_outlier_observations_total', help, { workload })
    const check = (result: ProbeResult): Counter =>
      registry.counter('selvage_health_checks_total', 'Active health checks by result.', { workload, result })
    this.checks = { passed: check('passed'), failed: check('failed'), silent: check('silent') }
    for (const [name, help, read] of GAUGES)
      registry.observedGauge(name, help, () => numbers[read], { workload })
  }

  /** The workload is gone; counters stay, gauges would tell of what is not there. */
  forget(): void {
    for (const [name] of GAUGES) this.registry.remove(name, { workload: this.workload })
  }
}
