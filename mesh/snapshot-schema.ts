/**
 * Snapshots as they come over the wire or from a file: checked whole before anything of them is used. What is
 * checked is what a proxy relies on; what the document allows was checked when it was accepted.
 */
import { z } from 'zod'
import type { PathMatch, RouteMatch, StringMatch } from './match.ts'
import type { Snapshot, SnapshotConfig, SnapshotEndpoints } from './snapshot.ts'

const text = z.string().max(4096)
const name = z.string().min(1).max(512)
const port = z.int().min(1).max(65_535)
const ms = z.number().min(0).max(Number.MAX_SAFE_INTEGER)
const count = z.int().min(0)
const percent = z.number().min(0).max(100)
const ignoreCase = z.boolean().exactOptional()

const stringMatch: z.ZodType<StringMatch> = z.lazy(() =>
  z.union([
    z.strictObject({ exact: text, ignoreCase }),
    z.strictObject({ prefix: text, ignoreCase }),
    z.strictObject({ suffix: text, ignoreCase }),
    z.strictObject({ contains: text, ignoreCase }),
    z.strictObject({ regex: text, ignoreCase }),
    z.strictObject({ present: z.literal(true) }),
    z.strictObject({ absent: z.literal(true) }),
    z.strictObject({ range: z.strictObject({ from: z.number(), to: z.number() }) }),
    z.strictObject({ anyOf: z.array(stringMatch).max(256) }),
    z.strictObject({ not: stringMatch }),
  ]),
)
const pathMatch: z.ZodType<PathMatch> = z.union([
  z.strictObject({ exact: text, ignoreCase }),
  z.strictObject({ prefix: text, ignoreCase }),
  z.strictObject({ startsWith: text, ignoreCase }),
  z.strictObject({ template: text, ignoreCase }),
  z.strictObject({ regex: text, ignoreCase }),
])
const conditions = z.record(z.string(), stringMatch)

/** Strict: a condition that is not understood must not be left out, or the route would match more than was meant. */
const routeMatch: z.ZodType<RouteMatch> = z.strictObject({
  hosts: z.array(name).exactOptional(),
  path: pathMatch.exactOptional(),
  methods: z.array(name).exactOptional(),
  headers: conditions.exactOptional(),
  query: conditions.exactOptional(),
  cookies: conditions.exactOptional(),
  scheme: z.enum(['http', 'https']).exactOptional(),
  port: port.exactOptional(),
  source: z.array(name).exactOptional(),
  priority: z.number().exactOptional(),
})

const timeout = z.object({ requestMs: ms, idleMs: ms, tcpIdleMs: ms, connectMs: ms })
const retry = z.object({
  attempts: count,
  on: z.array(
    z.union([z.enum(['5xx', 'gateway-error', 'reset', 'connect-failure', 'retriable-4xx']), z.int()]),
  ),
  perTryTimeoutMs: ms,
  backoffBaseMs: ms,
  backoffMaxMs: ms,
  nonIdempotent: z.boolean(),
  maxBodyBytes: count,
})
const circuitBreaker = z.object({
  maxConnections: count,
  maxPendingRequests: count,
  maxRequests: count,
  maxRetries: count,
  maxRequestsPerConnection: count,
})
const outlierDetection = z.object({
  consecutiveErrors: count,
  consecutiveGatewayErrors: count,
  intervalMs: ms,
  baseEjectionTimeMs: ms,
  maxEjectionTimeMs: ms,
  maxEjectionPercent: percent,
})
const healthCheck = z.object({
  protocol: z.enum(['http', 'tcp']),
  path: text,
  intervalMs: ms.min(1),
  timeoutMs: ms,
  healthyThreshold: count.min(1),
  unhealthyThreshold: count.min(1),
})
const tls = z.enum(['strict', 'permissive', 'off'])
const protocol = z.enum(['http', 'http2', 'grpc', 'tcp'])

const route = z.object({
  key: name,
  match: routeMatch,
  targets: z.array(
    z.object({
      workload: name.exactOptional(),
      name,
      weight: z.number().min(0),
      port: port.exactOptional(),
    }),
  ),
  retry,
  timeout,
  outlierDetection: outlierDetection.exactOptional(),
})

/** Strict for the same reason as `routeMatch`. */
const accessRule = z.strictObject({
  name: z.string().max(512),
  action: z.enum(['allow', 'deny']),
  mode: z.enum(['enforce', 'shadow']),
  from: z.array(name),
  to: z.array(name),
  methods: z.array(name),
  paths: z.array(text),
  ports: z.array(port),
  headers: conditions,
})

const inboundPort = z.object({
  service: name,
  port,
  targetPort: port,
  protocol,
  tls,
  timeout,
  circuitBreaker,
  access: z.object({ byDefault: z.enum(['allow', 'deny']), rules: z.array(accessRule) }),
})

const outboundService = z.object({
  service: name,
  hosts: z.array(name).min(1),
  address: z.ipv4().startsWith('127.').exactOptional(),
  ports: z.array(z.object({ port, protocol })),
  routes: z.array(route),
  fallback: route,
  retryBudget: z.object({ percent: z.number().min(0), minPerSecond: z.number().min(0) }),
})

const cluster = z.object({
  workload: name,
  identity: z.string().startsWith('spiffe://').max(2048),
  serverNames: z.record(z.string(), name),
  tls,
  loadBalancer: z.object({ panicThresholdPercent: percent }),
  circuitBreaker,
  outlierDetection: outlierDetection.exactOptional(),
  healthCheck: healthCheck.exactOptional(),
})

const snapshotConfigSchema = z.object({
  format: z.literal(1),
  mesh: name,
  domain: name,
  trustDomain: name,
  workload: name,
  services: z.array(name),
  normalise: z.enum(['none', 'base', 'merge-slashes', 'decode-and-merge-slashes']),
  egress: z.enum(['allow-all', 'registry-only']),
  inbound: z.array(inboundPort),
  outbound: z.array(outboundService),
  clusters: z.record(name, cluster),
  telemetry: z.object({ accessLog: z.enum(['off', 'json']), traceSamplePercent: percent }),
})

const snapshotEndpointsSchema = z.object({
  format: z.literal(1),
  clusters: z.record(
    name,
    z.array(
      z.object({
        id: name,
        address: z.union([z.ipv4(), z.ipv6()]),
        port,
        zone: name.exactOptional(),
        version: name.exactOptional(),
        weight: z.number().min(0),
        health: z.enum(['healthy', 'draining']),
      }),
    ),
  ),
})

const PROBLEMS_SHOWN = 5

function parsePart<T>(schema: z.ZodType<T>, part: string, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const shown = issues
    .slice(0, PROBLEMS_SHOWN)
    .map(({ path, message }) => `${[part, ...path].join('.')}: ${message}`)
  const more = issues.length > PROBLEMS_SHOWN ? ` (and ${issues.length - PROBLEMS_SHOWN} more)` : ''
  throw new Error(`snapshot: ${shown.join('; ')}${more}`)
}

/** Throws an `Error` that names the places. Fields that are not known are left out. */
export function parseSnapshotConfig(value: unknown): SnapshotConfig {
  const config = parsePart<SnapshotConfig>(snapshotConfigSchema, 'config', value)
  for (const { service, routes, fallback } of config.outbound) {
    for (const { key, targets } of [...routes, fallback]) {
      const lost = targets.find(
        ({ workload }) => workload !== undefined && !Object.hasOwn(config.clusters, workload),
      )
      if (lost === undefined) continue
      throw new Error(
        `snapshot: route ${key} of service ${service} names workload ${lost.workload}, which has no cluster`,
      )
    }
  }
  return config
}

/** Throws an `Error` that names the places. */
export const parseSnapshotEndpoints = (value: unknown): SnapshotEndpoints =>
  parsePart<SnapshotEndpoints>(snapshotEndpointsSchema, 'endpoints', value)

/** Both parts, as `{ config, endpoints }`. Throws an `Error` that names the places. */
export function parseSnapshot(value: unknown): Snapshot {
  const whole = parsePart(z.object({ config: z.unknown(), endpoints: z.unknown() }), 'snapshot', value)
  return { config: parseSnapshotConfig(whole.config), endpoints: parseSnapshotEndpoints(whole.endpoints) }
}
