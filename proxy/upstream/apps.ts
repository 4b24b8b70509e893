/** The app beside this sidecar: one pool for each of its ports, which outlives configuration. */
import type { InboundPort, SnapshotConfig } from '../../mesh/snapshot.ts'
import { Failure } from '../failure.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { UpstreamContext } from './cluster.ts'
import { ConnectMetrics } from './connect-metrics.ts'
import { Pool } from './pool.ts'

/** Less than the keep-alive of common servers (Node: 5 s), so that they do not close what we are about to use. */
const APP_IDLE_MS = 4000
const MAX_IDLE = 1024

export interface AppAddress {
  readonly address: string
  readonly port: number
}

interface AppPort {
  readonly breaker: CircuitBreaker
  readonly pool: Pool
}

export interface AppsOptions extends UpstreamContext {
  /** Where the app listens for a port of the document. */
  readonly locate: (targetPort: number) => AppAddress
}

export class Apps {
  private readonly options: AppsOptions
  /** By where the app listens. */
  private readonly ports = new Map<number, AppPort>()

  constructor(options: AppsOptions) {
    this.options = options
  }

  /** The pool of a port, under the limits that its policy sets now. */
  pool({ targetPort, circuitBreaker, protocol }: InboundPort): Pool {
    let port = this.ports.get(targetPort)
    if (port === undefined || port.pool.destination.protocol !== protocol) {
      port?.pool.drain()
      port = this.newPort(targetPort, circuitBreaker, protocol)
      this.ports.set(targetPort, port)
    } else {
      port.breaker.update(circuitBreaker)
    }
    return port.pool
  }

  /** Lets go of ports that the configuration no longer names. */
  retain({ inbound }: SnapshotConfig): void {
    const wanted = new Set(inbound.map(({ targetPort }) => targetPort))
    for (const [targetPort, { pool }] of this.ports) {
      if (wanted.has(targetPort)) continue
      pool.drain()
      this.ports.delete(targetPort)
    }
  }

  /** The proxy ends: breaks what is still open. */
  close(): void {
    const failure = new Failure('draining', 'this sidecar is shutting down')
    for (const { pool } of this.ports.values()) pool.destroy(failure)
    this.ports.clear()
  }

  private newPort(
    targetPort: number,
    policy: InboundPort['circuitBreaker'],
    protocol: InboundPort['protocol'],
  ): AppPort {
    const { connector, clock, metrics, locate } = this.options
    const labels = { direction: 'inbound', port: String(targetPort) }
    const breaker = new CircuitBreaker(policy, labels, metrics)
    const connects = new ConnectMetrics(metrics, labels)
    const pool = new Pool({
      destination: { ...locate(targetPort), protocol, tls: undefined },
      connector,
      clock,
      breaker,
      limitsConnections: true,
      idleTimeoutMs: APP_IDLE_MS,
      maxIdle: MAX_IDLE,
      onConnected: () => connects.connected(),
      onConnectFailure: failure => connects.failed(failure),
    })
    return { breaker, pool }
  }
}
