/** A span for each recorded exchange, and the trace context for everyone after it (W3C Trace Context). */
import type { Exchange, Filter } from '../exchange.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { SpanAttributes } from '../telemetry/span-sink.ts'
import type { Tracer } from '../telemetry/tracer.ts'

export interface TraceDependencies {
  readonly tracer: Tracer
  readonly registry: MetricsRegistry
}

export const trace = ({ tracer, registry }: TraceDependencies): Filter<Exchange> => {
  const sampled = registry.counter('selvage_spans_sampled_total', 'Requests that are recorded as spans.')
  return next => exchange => {
    const { request, arrival } = exchange
    const kind = arrival.direction === 'inbound' ? 'server' : 'client'
    exchange.span = tracer.start(request.method, kind, request.headers, () => exchange.editRequest())
    if (exchange.span !== undefined) {
      sampled.inc()
      exchange.onEnd(endSpan)
    }
    return next(exchange)
  }
}

function endSpan(exchange: Exchange): void {
  const { span, record } = exchange
  span?.set(attributesOf(exchange))
  const failed = record.flag !== '-' || record.status >= 500
  span?.end(failed ? (record.reason ?? `status ${record.status}`) : undefined)
}

/** Names of OpenTelemetry's semantic conventions for HTTP spans where there is one. */
function attributesOf({ request, arrival, record, backend, app }: Exchange): SpanAttributes {
  const attributes: Record<string, string | number> = {
    'http.request.method': request.method,
    'url.scheme': request.scheme,
    'url.path': request.path,
    'server.address': request.authority,
    'server.port': arrival.port,
    'http.response.status_code': record.status,
    'http.request.body.size': record.requestBytes,
    'http.response.body.size': record.responseBytes,
    'selvage.direction': arrival.direction,
    'selvage.service': arrival.service,
    'selvage.flag': record.flag,
    'selvage.attempts': record.attempts,
  }
  const workload = backend?.cluster.workload ?? app?.workload
  if (workload !== undefined) attributes['selvage.workload'] = workload
  if (backend !== undefined) attributes['selvage.route'] = backend.route.key
  if (arrival.source !== undefined) attributes['selvage.source'] = arrival.source
  return attributes
}
