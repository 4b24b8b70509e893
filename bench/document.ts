/** What the proxies are asked to do: the mesh document of the bench, and the requests that fit it. */
import type { MeshDocumentInput } from '../mesh/document.ts'
import type { Topology } from './subject/subject.ts'

export const MESH = 'bench'
export const TRUST_DOMAIN = 'bench.test'
export const CALLING_WORKLOAD = 'web'
export const CALLED_WORKLOAD = 'payments'
export const SERVICE_PORT = 80

/** Routes in every work that does not say otherwise. */
export const ROUTE_COUNT = 100

const routePrefix = (index: number): string => `/route-${index}`

/** A request that one route matches. */
export const routePath = (index: number): string => `${routePrefix(index)}/charges`

/** The route in the middle of the list: neither the best nor the worst case of a scan. */
const usedRoute = (routeCount: number): number => routeCount >> 1

/** What the load generator asks for. The app answers 1 KB everywhere but under the two fixed names. */
export const requestPaths = {
  small: (routeCount: number) => routePath(usedRoute(routeCount)),
  large: (routeCount: number) => `${routePrefix(usedRoute(routeCount))}/large`,
  huge: (routeCount: number) => `${routePrefix(usedRoute(routeCount))}/huge`,
} as const

export const SMALL_BYTES = 1024
export const LARGE_BYTES = 1024 * 1024
export const HUGE_BYTES = 10 * 1024 * 1024

/**
 * The document that Selvage's sidecars run: every policy that the comparison promises, on real routes. In one hop
 * the app is reached over plain HTTP; the peers' configurations in `peers/` say the same where they can.
 */
export function benchDocument(topology: Topology, appPort: number, routeCount: number): MeshDocumentInput {
  return {
    name: MESH,
    trustDomain: TRUST_DOMAIN,
    services: {
      [CALLED_WORKLOAD]: {
        targetPort: appPort,
        port: SERVICE_PORT,
        tls: { mode: topology === 'one-hop' ? 'off' : 'strict' },
        circuitBreaker: { maxConnections: 4096, maxPendingRequests: 4096, maxRequests: 4096 },
        outlierDetection: { consecutiveErrors: 5, interval: '30s', baseEjectionTime: '30s' },
      },
    },
    // They only call: a workload with an app of its own would have it probed, and there is none.
    workloads: { [CALLING_WORKLOAD]: {}, audit: {} },
    routes: Array.from({ length: routeCount }, (_, index) => ({
      service: CALLED_WORKLOAD,
      name: `route-${index}`,
      match: { path: { prefix: routePrefix(index) } },
      to: CALLED_WORKLOAD,
      timeout: { request: '15s' },
      retry: { attempts: 2, on: ['gateway-error', 'reset'], budget: { percent: 20 } },
    })),
    access: [
      { from: 'audit', to: CALLED_WORKLOAD, methods: ['GET'], paths: ['/route-*'] },
      { from: CALLING_WORKLOAD, to: CALLED_WORKLOAD, methods: ['GET', 'POST'], paths: ['/route-*'] },
    ],
    telemetry: { accessLog: 'off', tracing: { sample: 1 } },
  }
}

/** Envoy's side of the same document: one flow-style YAML line for each route. */
export function envoyRoutes(routeCount: number, cluster: string, indent: number): string {
  const route = (prefix: string) =>
    `${' '.repeat(indent)}- { match: { path_separated_prefix: "${prefix}" }, route: { cluster: ${cluster}, timeout: 15s } }`
  return Array.from({ length: routeCount }, (_, index) => route(routePrefix(index))).join('\n')
}
