/** One line for each exchange, when it is over. The entry is built only while somebody wants it. */
import type { Exchange, Filter } from '../exchange.ts'
import type { AccessLog, AccessLogEntry } from '../telemetry/access-log.ts'

export const accessLog = ({ log }: { readonly log: AccessLog }): Filter<Exchange> => {
  const write = (exchange: Exchange): void => log.write(entryOf(exchange))
  return next => exchange => {
    if (log.wanted) exchange.onEnd(write)
    return next(exchange)
  }
}

/** The query stays out: people put tokens there. */
function entryOf(exchange: Exchange): AccessLogEntry {
  const { arrival, record, backend, app, lastAttempt } = exchange
  return {
    direction: arrival.direction,
    service: arrival.service,
    workload: backend?.cluster.workload ?? app?.workload,
    route: backend?.route.key,
    source: arrival.source,
    sourceId: arrival.sourceId,
    tls: arrival.tlsProtocol,
    remote: arrival.remoteAddress,
    method: exchange.method,
    authority: exchange.request.authority,
    path: exchange.path,
    status: record.status,
    grpcStatus: record.grpcStatus,
    flag: record.flag,
    reason: record.reason,
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    headMs: rounded(record.headMs),
    durationMs: rounded(record.durationMs),
    attempts: record.attempts,
    endpoint: lastAttempt?.endpoint?.id,
    traceId: exchange.span?.traceId,
  }
}

/** Whole microseconds. */
const rounded = (ms: number): number => Math.round(ms * 1000) / 1000
