/** What runs at once towards one workload, against its limits. Lives as long as the workload is known. */
import type { CircuitBreaker as CircuitBreakerPolicy } from '../../mesh/policy/circuit-breaker.ts'
import type { Counter, Labels, MetricsRegistry } from '../telemetry/metrics.ts'

/** One limit and how much of it is in use. Whoever entered leaves exactly once. */
export class Limit {
  used = 0
  max: number
  private readonly overflows: Counter

  constructor(max: number, overflows: Counter) {
    this.max = max
    this.overflows = overflows
  }

  /** False, and counted as overflow, when the limit is reached. */
  enter(): boolean {
    if (this.used >= this.max) {
      this.overflows.inc()
      return false
    }
    this.used++
    return true
  }

  /** Enters whatever the limit says: where it does not apply, what runs is still counted. */
  enterAnyway(): void {
    this.used++
  }

  leave(): void {
    this.used--
  }
}

const OVERFLOW = 'selvage_circuit_breaker_overflow_total'

export class CircuitBreaker {
  readonly requests: Limit
  readonly pending: Limit
  readonly retries: Limit
  readonly connections: Limit
  /** 0: no limit. */
  maxRequestsPerConnection: number

  /** `labels`: what its overflow is counted under. */
  constructor(policy: CircuitBreakerPolicy, labels: Labels, metrics: MetricsRegistry) {
    const limit = (max: number, name: string): Limit =>
      new Limit(
        max,
        metrics.counter(OVERFLOW, 'What was refused because a limit was reached.', {
          ...labels,
          limit: name,
        }),
      )
    this.requests = limit(policy.maxRequests, 'requests')
    this.pending = limit(policy.maxPendingRequests, 'pending')
    this.retries = limit(policy.maxRetries, 'retries')
    this.connections = limit(policy.maxConnections, 'connections')
    this.maxRequestsPerConnection = policy.maxRequestsPerConnection
  }

  /** New limits; what runs stays counted. */
  update(policy: CircuitBreakerPolicy): void {
    this.requests.max = policy.maxRequests
    this.pending.max = policy.maxPendingRequests
    this.retries.max = policy.maxRetries
    this.connections.max = policy.maxConnections
    this.maxRequestsPerConnection = policy.maxRequestsPerConnection
  }
}
