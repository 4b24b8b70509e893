/** Snapshots for tests, small and complete: say what matters, the rest is quiet defaults. */
import { serverName, workloadId } from '../../mesh/protocol.ts'
import type {
  Cluster,
  Endpoint,
  InboundPort,
  OutboundService,
  Route,
  Snapshot,
  SnapshotConfig,
} from '../../mesh/snapshot.ts'

export const TIMEOUT = { requestMs: 5000, idleMs: 60_000, tcpIdleMs: 60_000, connectMs: 1000 }
export const RETRY: Route['retry'] = {
  attempts: 2,
  on: ['reset'],
  perTryTimeoutMs: 0,
  backoffBaseMs: 1,
  backoffMaxMs: 5,
  nonIdempotent: false,
  maxBodyBytes: 65_536,
}
export const BREAKER = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 10,
  maxRequestsPerConnection: 0,
}

export const route = (workloads: readonly string[], more: Partial<Route> = {}): Route => ({
  key: 'default',
  match: {},
  targets: workloads.map(workload => ({ workload, name: workload, weight: 1 })),
  retry: RETRY,
  timeout: TIMEOUT,
  ...more,
})

export const inboundPort = (service: string, more: Partial<InboundPort> = {}): InboundPort => ({
  service,
  port: 80,
  targetPort: 8080,
  protocol: 'http',
  tls: 'strict',
  timeout: TIMEOUT,
  circuitBreaker: BREAKER,
  access: { byDefault: 'allow', rules: [] },
  ...more,
})

export const outboundService = (service: string, more: Partial<OutboundService> = {}): OutboundService => ({
  service,
  hosts: [`${service}.shop.internal`, service],
  ports: [{ port: 80, protocol: 'http' }],
  routes: [],
  fallback: route([service]),
  retryBudget: { percent: 20, minPerSecond: 10 },
  ...more,
})

export const cluster = (workload: string, more: Partial<Cluster> = {}): Cluster => ({
  workload,
  identity: workloadId('shop', workload),
  serverNames: { [`${workload}:80`]: serverName(80, workload, workload, 'shop.internal') },
  tls: 'strict',
  loadBalancer: { panicThresholdPercent: 50 },
  circuitBreaker: BREAKER,
  ...more,
})

export const endpoint = (id: string, port: number, more: Partial<Endpoint> = {}): Endpoint => ({
  id,
  address: '127.0.0.1',
  port,
  weight: 1,
  health: 'healthy',
  ...more,
})

export function snapshot(
  workload: string,
  config: Partial<SnapshotConfig> = {},
  endpoints: Readonly<Record<string, readonly Endpoint[]>> = {},
): Snapshot {
  return {
    config: {
      format: 1,
      mesh: 'shop',
      domain: 'shop.internal',
      trustDomain: 'shop',
      workload,
      services: [workload],
      normalise: 'base',
      egress: 'allow-all',
      inbound: [],
      outbound: [],
      clusters: {},
      telemetry: { accessLog: 'off', traceSamplePercent: 0 },
      ...config,
    },
    endpoints: { format: 1, clusters: endpoints },
  }
}
