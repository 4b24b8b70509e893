/** Snapshots for tests: everything has a value, and a test says what matters to it. */
import type {
  Cluster,
  Endpoint,
  InboundPort,
  OutboundService,
  Route,
  Snapshot,
  SnapshotConfig,
} from '../../mesh/snapshot.ts'

export const ROUTE: Route = {
  key: 'default',
  match: {},
  targets: [{ workload: 'payments', name: 'payments', weight: 1 }],
  retry: {
    attempts: 2,
    on: ['reset'],
    perTryTimeoutMs: 0,
    backoffBaseMs: 25,
    backoffMaxMs: 250,
    nonIdempotent: false,
    maxBodyBytes: 65_536,
  },
  timeout: { requestMs: 15_000, idleMs: 300_000, tcpIdleMs: 3_600_000, connectMs: 1000 },
}

export const CLUSTER: Cluster = {
  workload: 'payments',
  identity: 'spiffe://shop/workload/payments',
  serverNames: { 'payments:80': '80.payments.payments.shop.internal' },
  tls: 'strict',
  loadBalancer: { panicThresholdPercent: 50 },
  circuitBreaker: {
    maxConnections: 1024,
    maxPendingRequests: 1024,
    maxRequests: 1024,
    maxRetries: 1024,
    maxRequestsPerConnection: 0,
  },
}

export const SERVICE: OutboundService = {
  service: 'payments',
  hosts: ['payments.shop.internal'],
  ports: [{ port: 80, protocol: 'http' }],
  routes: [],
  fallback: ROUTE,
  retryBudget: { percent: 20, minPerSecond: 10 },
}

export const INBOUND: InboundPort = {
  service: 'web',
  port: 80,
  targetPort: 3000,
  protocol: 'http',
  tls: 'strict',
  timeout: ROUTE.timeout,
  circuitBreaker: CLUSTER.circuitBreaker,
  access: { byDefault: 'allow', rules: [] },
}

export const CONFIG: SnapshotConfig = {
  format: 1,
  mesh: 'shop',
  domain: 'shop.internal',
  trustDomain: 'shop',
  workload: 'web',
  services: ['web'],
  normalise: 'base',
  egress: 'allow-all',
  inbound: [INBOUND],
  outbound: [SERVICE],
  clusters: { payments: CLUSTER },
  telemetry: { accessLog: 'off', traceSamplePercent: 0 },
}

/** Endpoints `a`, `b`… at 10.0.0.1, 10.0.0.2… */
export const endpoint = (id: string, more: Partial<Endpoint> = {}): Endpoint => ({
  id,
  address: `10.0.0.${id.charCodeAt(0) - 96}`,
  port: 15006,
  weight: 1,
  health: 'healthy',
  ...more,
})

/** The outbound service `payments` with one route, one workload and these endpoints. */
export function snapshotOf(parts: {
  readonly route?: Partial<Route>
  readonly cluster?: Partial<Cluster>
  readonly service?: Partial<OutboundService>
  readonly config?: Partial<SnapshotConfig>
  readonly endpoints?: readonly Endpoint[]
}): Snapshot {
  const route = { ...ROUTE, ...parts.route }
  const cluster = { ...CLUSTER, ...parts.cluster }
  return {
    config: {
      ...CONFIG,
      outbound: [{ ...SERVICE, fallback: route, ...parts.service }],
      clusters: { payments: cluster },
      ...parts.config,
    },
    endpoints: { format: 1, clusters: { payments: parts.endpoints ?? [endpoint('a')] } },
  }
}
