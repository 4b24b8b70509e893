/** Counts connections that were opened, and those that were not. */
import type { Failure, FailureCode } from '../failure.ts'
import type { Counter, Labels, MetricsRegistry } from '../telemetry/metrics.ts'

export class ConnectMetrics {
  private readonly opened: Counter
  private readonly failures = new Map<FailureCode, Counter>()
  private readonly registry: MetricsRegistry
  private readonly labels: Labels

  constructor(registry: MetricsRegistry, labels: Labels) {
    this.registry = registry
    this.labels = labels
    this.opened = registry.counter(
      'selvage_upstream_connections_total',
      'Connections that were opened.',
      labels,
    )
  }

  connected(): void {
    this.opened.inc()
  }

  failed({ code }: Failure): void {
    let counter = this.failures.get(code)
    if (counter === undefined) {
      counter = this.registry.counter(
        'selvage_upstream_connect_failures_total',
        'Connections that could not be opened, by reason.',
        { ...this.labels, reason: code },
      )
      this.failures.set(code, counter)
    }
    counter.inc()
  }
}
