/** What every listener counts. */
import type { Log } from '../telemetry/log.ts'
import type { Gauge, MetricsRegistry } from '../telemetry/metrics.ts'

export interface ListenerNumbers {
  readonly connections: Gauge
  readonly onOverflow: () => void
}

/** `name` of the listener: "inbound", "payments:80". The first overflow is logged, all are counted. */
export function listenerNumbers(
  name: string,
  maxConnections: number,
  registry: MetricsRegistry,
  log: Log,
): ListenerNumbers {
  const labels = { listener: name }
  const overflows = registry.counter(
    'selvage_listener_overflow_total',
    'Connections closed at once: too many.',
    labels,
  )
  let told = false
  return {
    connections: registry.gauge('selvage_listener_connections', 'Open connections.', labels),
    onOverflow() {
      overflows.inc()
      if (told) return
      told = true
      const fields = { event: 'listener-overflow', listener: name, maxConnections }
      log.warn(
        fields,
        `${name} has ${maxConnections} connections and closes more at once (SELVAGE_MAX_CONNECTIONS)`,
      )
    },
  }
}
