/**
 * A Snapshot is what one proxy needs: derived from the mesh document, the allocated addresses and the
 * endpoints known now. It has two parts with a hash each, because configuration changes when people
 * deploy and endpoints change when tasks come and go. Plain JSON values only: it travels over HTTP.
 */
import type { RouteMatch } from './match.ts'
import type { AccessRule } from './policy/access.ts'
import type { CircuitBreaker } from './policy/circuit-breaker.ts'
import type { HealthCheck } from './policy/health-check.ts'
import type { LoadBalancer } from './policy/load-balancer.ts'
import type { OutlierDetection } from './policy/outlier-detection.ts'
import type { Retry } from './policy/retry.ts'
import type { Timeout } from './policy/timeout.ts'
import type { TlsMode } from './policy/tls.ts'

/** What an app speaks on one port. `http` is HTTP/1.1; `http2` and `grpc` are HTTP/2; `tcp` is bytes. */
export type Protocol = 'http' | 'http2' | 'grpc' | 'tcp'

/** How request paths are normalised before anything looks at them (Istio's levels). */
export type Normalise = 'none' | 'base' | 'merge-slashes' | 'decode-and-merge-slashes'

export interface Snapshot {
  readonly config: SnapshotConfig
  readonly endpoints: SnapshotEndpoints
}

/** The part that changes when people deploy. */
export interface SnapshotConfig {
  /** Format of this value; a proxy refuses a format that it does not know. */
  readonly format: 1
  readonly mesh: string
  /** DNS suffix of the mesh's names, `<mesh>.internal` unless the document says otherwise. */
  readonly domain: string
  readonly trustDomain: string
  /** The workload that this snapshot is for, for example `payments/v1`. */
  readonly workload: string
  /** Services that this workload stands behind: how access rules and logs name it. */
  readonly services: readonly string[]
  readonly normalise: Normalise
  readonly egress: 'allow-all' | 'registry-only'
  /** Ports that this workload answers for its services. */
  readonly inbound: readonly InboundPort[]
  /** Services that this workload may call. */
  readonly outbound: readonly OutboundService[]
  /** Every workload that an outbound route names, by workload name. */
  readonly clusters: Readonly<Record<string, Cluster>>
  readonly telemetry: TelemetryConfig
}

export interface InboundPort {
  readonly service: string
  /** The port callers dial; SNI names it. */
  readonly port: number
  /** Where the app listens on loopback. */
  readonly targetPort: number
  readonly protocol: Protocol
  readonly tls: TlsMode
  readonly timeout: Timeout
  /** Connection limits here apply to the connections towards the app. */
  readonly circuitBreaker: CircuitBreaker
  readonly access: InboundAccess
}

export interface InboundAccess {
  /** `deny`: what no allow rule names is refused. True for a service as soon as one enforcing rule names it. */
  readonly byDefault: 'allow' | 'deny'
  /** Rules that concern this workload, in document order. */
  readonly rules: readonly AccessRule[]
}

export interface OutboundService {
  readonly service: string
  /** Names that callers may use in Host, authority and DNS; the first is the canonical one. Lower case. */
  readonly hosts: readonly string[]
  /** Allocated loopback address, for example `127.83.0.5`; absent until the control plane has given one. */
  readonly address?: string
  readonly ports: readonly OutboundPort[]
  /** In order of precedence: the first that matches wins. Empty: all requests go to `fallback`. */
  readonly routes: readonly Route[]
  /** Where requests go when the service has no routes at all: all its workloads, equal weights. */
  readonly fallback: Route
  /** Shared by all routes of the service. */
  readonly retryBudget: RetryBudget
}

export interface OutboundPort {
  readonly port: number
  readonly protocol: Protocol
}

export interface RetryBudget {
  /** Tokens earned by each first try, as a share of it in percent (20: one retry for five requests). */
  readonly percent: number
  /** Retries a second that are always allowed. */
  readonly minPerSecond: number
}

export interface Route {
  /** Stable key of its metrics and state, unique within its service: its name, or the hash of its match. */
  readonly key: string
  readonly match: RouteMatch
  readonly targets: readonly RouteTarget[]
  readonly retry: Retry
  readonly timeout: Timeout
  /** For requests of this route, in the place of the workload's own, which is on the cluster. */
  readonly outlierDetection?: OutlierDetection
}

export interface RouteTarget {
  /** Absent: the target does not exist (pending), and its share is answered with 500. */
  readonly workload?: string
  /** As written, for logs and `explain`. */
  readonly name: string
  /** Share relative to the other targets, 0 or more. */
  readonly weight: number
  /** Dial port at the target, when it is not the port that the caller dialled. */
  readonly port?: number
}

/** One workload as its callers see it. Its endpoints are in the other part. */
export interface Cluster {
  readonly workload: string
  /** The SPIFFE ID that its sidecars must present. */
  readonly identity: string
  /** SNI per dial port: `<port>.<workload>.<service>.<domain>`. Keyed `<service>:<port>`. */
  readonly serverNames: Readonly<Record<string, string>>
  readonly tls: TlsMode
  readonly loadBalancer: LoadBalancer
  readonly circuitBreaker: CircuitBreaker
  readonly outlierDetection?: OutlierDetection
  readonly healthCheck?: HealthCheck
}

export interface TelemetryConfig {
  readonly accessLog: 'off' | 'json'
  /** Share of the requests without a sampling decision of their own that are traced, 0–100. */
  readonly traceSamplePercent: number
}

/** The part that changes when tasks come and go. */
export interface SnapshotEndpoints {
  readonly format: 1
  /** Endpoints of every cluster in the config part, by workload name. Unknown is not empty: a missing key keeps the last list. */
  readonly clusters: Readonly<Record<string, readonly Endpoint[]>>
}

export interface Endpoint {
  /** Registration id: the stable key of the endpoint's state (never ip:port). */
  readonly id: string
  /** IP address of the sidecar's mesh port. */
  readonly address: string
  readonly port: number
  readonly zone?: string
  readonly version?: string
  /** Relative to the other endpoints of the workload, 1 unless given. */
  readonly weight: number
  /** `draining`: keeps what it has, gets nothing new. */
  readonly health: 'healthy' | 'draining'
}
