/** Counts connections and their bytes. */
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { ConnectionFilter } from './connection.ts'

export const metrics =
  ({ registry }: { readonly registry: MetricsRegistry }): ConnectionFilter =>
  next =>
  async connection => {
    const { arrival } = connection
    const { direction, service } = arrival
    const active = registry.gauge(
      'selvage_tcp_connections_active',
      'Connections of plain bytes that are open.',
      {
        direction,
        service,
      },
    )
    active.inc()
    await next(connection)
    active.dec()
    const workload = connection.backend?.cluster.workload ?? connection.app?.workload ?? ''
    const labels = { direction, service, workload }
    registry
      .counter('selvage_tcp_connections_total', 'Connections of plain bytes by response flag.', {
        ...labels,
        flag: connection.flag,
      })
      .inc()
    registry
      .counter('selvage_tcp_received_bytes_total', 'Bytes from who connected.', labels)
      .inc(connection.receivedBytes)
    registry
      .counter('selvage_tcp_sent_bytes_total', 'Bytes to who connected.', labels)
      .inc(connection.sentBytes)
  }
