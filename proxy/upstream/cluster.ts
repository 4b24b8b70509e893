/**
 * One workload as a destination: its endpoints, who of them takes requests, its circuit breaker and its health
 * checks. Reconciled with every snapshot and never rebuilt, so that what it has learnt survives.
 */
import type { Clock, Random } from '../../mesh/clock.ts'
import type { HealthCheck } from '../../mesh/policy/health-check.ts'
import type { OutlierDetection } from '../../mesh/policy/outlier-detection.ts'
import type { Cluster as ClusterConfig, Endpoint as EndpointInfo } from '../../mesh/snapshot.ts'
import type { Failure } from '../failure.ts'
import type { Log } from '../telemetry/log.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { ClusterLog } from './cluster-log.ts'
import { ClusterMetrics, type ClusterNumbers } from './cluster-metrics.ts'
import { ConnectMetrics } from './connect-metrics.ts'
import type { Connector, Destination } from './connector.ts'
import { type DialPort, dialPorts, type PortProtocols, sameProtocols, sameTerms } from './dial-port.ts'
import { Endpoint, type EndpointHome } from './endpoint.ts'
import { HealthChecker, networkProbe } from './health-check.ts'
import type { EjectionEvent } from './outlier-detection.ts'
import { Pool } from './pool.ts'
import { Rotation } from './rotation.ts'

/** What upstream state is built with. */
export interface UpstreamContext {
  readonly connector: Connector
  readonly clock: Clock
  readonly random: Random
  readonly metrics: MetricsRegistry
  readonly log: Log
}

/** Less than the keep-alive of our own listeners, and than what load balancers and firewalls forget (350 s). */
const PEER_IDLE_MS = 300_000
const MAX_IDLE = 1024

export class Cluster implements EndpointHome, ClusterNumbers {
  readonly workload: string
  readonly breaker: CircuitBreaker
  /** For routes without outlier detection of their own. */
  readonly rotation: Rotation
  private config: ClusterConfig
  private readonly context: UpstreamContext
  private readonly metrics: ClusterMetrics
  private readonly connects: ConnectMetrics
  private readonly log: ClusterLog
  private readonly endpoints = new Map<string, Endpoint>()
  /** By the keys of `serverNames`. */
  private ports: ReadonlyMap<string, DialPort>
  private readonly routeRotations = new Map<string, Rotation>()
  private checker: HealthChecker | undefined
  private known = false
  private readonly whenKnown: (() => void)[] = []

  constructor(config: ClusterConfig, protocols: PortProtocols, context: UpstreamContext) {
    this.workload = config.workload
    this.config = config
    this.ports = dialPorts(config, protocols)
    this.context = context
    this.metrics = new ClusterMetrics(config.workload, context.metrics, this)
    this.log = new ClusterLog(config.workload, context.log, context.clock)
    const labels = { direction: 'outbound', workload: config.workload }
    this.connects = new ConnectMetrics(context.metrics, labels)
    this.breaker = new CircuitBreaker(config.circuitBreaker, labels, context.metrics)
    this.rotation = this.newRotation(
      endpoint => endpoint.healthy,
      event => this.ejection(event, undefined),
    )
    this.rotation.setPolicy(config.outlierDetection)
    this.setChecks(config.healthCheck)
  }

  /** New policies; connections that were made under other terms finish what they carry. */
  update(config: ClusterConfig, protocols: PortProtocols): void {
    const unchanged = sameProtocols(this.ports, protocols)
    // Most snapshots bring new endpoints only.
    if (unchanged && config === this.config) return
    const compatible = unchanged && sameTerms(this.config, config)
    this.config = config
    if (!compatible) {
      for (const endpoint of this.all) endpoint.drainPools()
      this.ports = dialPorts(config, protocols)
    }
    this.breaker.update(config.circuitBreaker)
    this.rotation.setPolicy(config.outlierDetection)
    this.setChecks(config.healthCheck)
    this.refresh()
  }

  /** The whole list. Who stays keeps its state; who left finishes what it has. */
  setEndpoints(list: readonly EndpointInfo[]): void {
    const ids = new Set(list.map(({ id }) => id))
    for (const endpoint of this.all) if (!ids.has(endpoint.id)) this.remove(endpoint)
    for (const info of list) {
      const endpoint = this.endpoints.get(info.id)
      if (endpoint === undefined) this.endpoints.set(info.id, new Endpoint(this, info))
      else endpoint.update(info)
    }
    this.checker?.watch(this.all)
    this.refresh()
    this.known = true
    for (const resolve of this.whenKnown.splice(0)) resolve()
  }

  /** Unknown is not empty: no list has come yet. */
  get endpointsKnown(): boolean {
    return this.known
  }

  /** Resolves when requests may come: endpoints are known and, if there are checks, were asked once. */
  async warm(): Promise<void> {
    if (!this.known) await new Promise<void>(resolve => this.whenKnown.push(resolve))
    await this.checker?.firstRound()
  }

  /** Nothing leads here any more: what runs finishes, what is idle closes. */
  retire(): void {
    this.setChecks(undefined)
    for (const endpoint of this.all) this.remove(endpoint)
    this.rotation.close()
    this.retainRoutes(new Set())
    this.metrics.forget()
  }

  destroy(failure: Failure): void {
    for (const endpoint of this.all) endpoint.destroy(failure)
    this.retire()
  }

  get all(): Iterable<Endpoint> {
    return this.endpoints.values()
  }

  /** Its sidecars prove themselves, so that what they say in `x-selvage-*` may be believed. */
  get isMesh(): boolean {
    return this.config.tls !== 'off'
  }

  /**
   * Undefined when the workload does not answer on that port. It may stand behind another service than the one
   * that was dialled: then that one's port of the same number is meant.
   */
  dialPort(service: string, port: number): DialPort | undefined {
    const own = this.ports.get(`${service}:${port}`)
    if (own !== undefined) return own
    for (const other of this.ports.values()) if (other.port === port) return other
    return undefined
  }

  /** Who takes the requests of one route: its own rotation if it has outlier detection of its own. */
  rotationOf(routeKey: string, policy: OutlierDetection | undefined): Rotation {
    if (policy === undefined) return this.rotation
    let rotation = this.routeRotations.get(routeKey)
    if (rotation === undefined) {
      rotation = this.newRotation(
        endpoint => this.isWell(endpoint),
        event => this.ejection(event, routeKey),
      )
      this.routeRotations.set(routeKey, rotation)
    }
    rotation.setPolicy(policy)
    rotation.refresh()
    return rotation
  }

  /** Forgets the rotations of routes that are gone. */
  retainRoutes(keys: ReadonlySet<string>): void {
    for (const [key, rotation] of this.routeRotations) {
      if (keys.has(key)) continue
      rotation.close()
      this.routeRotations.delete(key)
    }
  }

  /** Healthy and not ejected. */
  isWell(endpoint: Endpoint): boolean {
    return endpoint.healthy && !this.rotation.isEjected(endpoint)
  }

  destination(endpoint: Endpoint, { service, port, protocol }: DialPort): Destination {
    const { tls, identity, serverNames } = this.config
    const serverName = serverNames[`${service}:${port}`]
    return {
      address: endpoint.address,
      port: endpoint.port,
      protocol,
      tls: tls === 'off' || serverName === undefined ? undefined : { serverName, identity },
    }
  }

  newPool(destination: Destination): Pool {
    const { connector, clock } = this.context
    return new Pool({
      destination,
      connector,
      clock,
      breaker: this.breaker,
      limitsConnections: destination.tls === undefined,
      idleTimeoutMs: PEER_IDLE_MS,
      maxIdle: MAX_IDLE,
      onConnected: () => this.connects.connected(),
      onConnectFailure: failure => {
        this.connects.failed(failure)
        this.log.connectFailure(failure, destination)
      },
    })
  }

  // Numbers.

  get endpointCount(): number {
    return this.endpoints.size
  }
  get wellCount(): number {
    let count = 0
    for (const endpoint of this.all) if (!endpoint.draining && this.isWell(endpoint)) count++
    return count
  }
  get ejectedCount(): number {
    return this.rotation.ejectedCount
  }
  get activeRequests(): number {
    return this.breaker.requests.used
  }
  get connections(): number {
    return this.breaker.connections.used
  }
  get pendingRequests(): number {
    return this.breaker.pending.used
  }

  private remove(endpoint: Endpoint): void {
    this.endpoints.delete(endpoint.id)
    this.rotation.forget(endpoint)
    for (const rotation of this.routeRotations.values()) rotation.forget(endpoint)
    endpoint.leave()
  }

  private refresh(): void {
    this.rotation.refresh()
    for (const rotation of this.routeRotations.values()) rotation.refresh()
  }

  private setChecks(policy: HealthCheck | undefined): void {
    if (policy === undefined) {
      this.checker?.close()
      this.checker = undefined
    } else if (this.checker === undefined) {
      this.checker = this.newChecker(policy)
      this.checker.watch(this.all)
    } else {
      this.checker.policy = policy
    }
  }

  private newChecker(policy: HealthCheck): HealthChecker {
    const { clock, random, connector } = this.context
    return new HealthChecker({
      clock,
      random,
      policy,
      probe: networkProbe(connector, clock, () => this.ports.values().next().value),
      onResult: result => this.metrics.checks[result].inc(),
      onChange: endpoint => {
        this.refresh()
        this.log.health(endpoint)
      },
    })
  }

  private newRotation(
    isWell: (endpoint: Endpoint) => boolean,
    onEvent: (event: EjectionEvent) => void,
  ): Rotation {
    const { clock, random } = this.context
    return new Rotation({
      clock,
      random,
      members: () => this.all,
      memberCount: () => this.endpoints.size,
      isWell,
      observations: this.metrics.observations,
      panicThresholdPercent: () => this.config.loadBalancer.panicThresholdPercent,
      onEvent,
    })
  }

  private ejection(event: EjectionEvent, route: string | undefined): void {
    if (event.kind === 'ejected') this.metrics.ejections.inc()
    // Routes with a rotation of their own avoid what the workload's detector ejects, too.
    if (route === undefined) this.refresh()
    this.log.ejection(event, route)
  }
}
