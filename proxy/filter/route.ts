/** Where a request goes: decided once, by the snapshot in force now, and pinned to the exchange. */
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Routing } from '../routing.ts'
import type { Counter, MetricsRegistry } from '../telemetry/metrics.ts'
import type { Backend } from '../upstream/backend.ts'

interface RouteDependencies {
  readonly routing: Routing
}

interface OutboundRouteDependencies extends RouteDependencies {
  readonly registry: MetricsRegistry
}

/** Outbound: the service that was dialled, its first route that matches, one of that route's targets by weight. */
export const route = ({ routing, registry }: OutboundRouteDependencies): Filter<Exchange> => {
  const counters = new WeakMap<Backend, Counter>()
  return next => exchange => {
    const backend = routing.backend(exchange.arrival, exchange)
    if (backend instanceof Failure) return Promise.reject(backend)
    let matched = counters.get(backend)
    if (matched === undefined) {
      const labels = { service: backend.service, route: backend.route.key }
      matched = registry.counter(
        'selvage_routes_matched_total',
        'Requests by the route that matched.',
        labels,
      )
      counters.set(backend, matched)
    }
    matched.inc()
    exchange.backend = backend
    exchange.timeout = backend.route.timeout
    return next(exchange)
  }
}

/** Inbound: the port of the app that answers for the service and port that were dialled. */
export const routeToApp =
  ({ routing }: RouteDependencies): Filter<Exchange> =>
  next =>
  exchange => {
    const app = routing.app(exchange.arrival)
    if (app instanceof Failure) return Promise.reject(app)
    exchange.app = app
    exchange.timeout = app.inbound.timeout
    return next(exchange)
  }
