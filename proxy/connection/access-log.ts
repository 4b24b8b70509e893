/** One line for each connection, when it is over. */
import type { AccessLog } from '../telemetry/access-log.ts'
import type { Connection, ConnectionFilter } from './connection.ts'

export const accessLog =
  ({ log }: { readonly log: AccessLog }): ConnectionFilter =>
  next =>
  async connection => {
    await next(connection)
    if (log.wanted) log.write(entryOf(connection))
  }

function entryOf({ arrival, backend, app, endpoint, ...its }: Connection) {
  return {
    direction: arrival.direction,
    protocol: 'tcp',
    service: arrival.service,
    port: arrival.port,
    workload: backend?.cluster.workload ?? app?.workload,
    route: backend?.route.key,
    source: arrival.source,
    sourceId: arrival.sourceId,
    tls: arrival.tlsProtocol,
    remote: arrival.remoteAddress,
    flag: its.flag,
    reason: its.reason,
    receivedBytes: its.receivedBytes,
    sentBytes: its.sentBytes,
    durationMs: Math.round(its.durationMs * 1000) / 1000,
    endpoint: endpoint?.id,
  }
}
