/** Counts exchanges and how long they took. Slots are resolved once for each backend, never by name on the way. */
import type { Exchange, Filter } from '../exchange.ts'
import type { Counter, Gauge, Histogram, Labels, MetricsRegistry } from '../telemetry/metrics.ts'

const REQUESTS = 'selvage_requests_total'
const REQUESTS_HELP = 'Requests by status class and response flag (- when all went well).'
const DURATION = 'selvage_request_duration_ms'
const DURATION_HELP = 'Milliseconds from the request head to the end of the exchange.'
const ACTIVE = 'selvage_requests_active'
const ACTIVE_HELP = 'Requests that are not over yet.'

export const metrics = ({ registry }: { readonly registry: MetricsRegistry }): Filter<Exchange> => {
  const active: Readonly<Record<'inbound' | 'outbound', Gauge>> = {
    inbound: registry.gauge(ACTIVE, ACTIVE_HELP, { direction: 'inbound' }),
    outbound: registry.gauge(ACTIVE, ACTIVE_HELP, { direction: 'outbound' }),
  }
  /** By backend, app or, for what found neither, arrival: slots live as long as what they count. */
  const slots = new WeakMap<object, RequestSlots>()
  const count = (exchange: Exchange): void => {
    active[exchange.arrival.direction].dec()
    const key = exchange.backend ?? exchange.app ?? exchange.arrival
    let found = slots.get(key)
    if (found === undefined) {
      found = new RequestSlots(registry, labelsOf(exchange))
      slots.set(key, found)
    }
    found.count(exchange)
  }
  return next => exchange => {
    active[exchange.arrival.direction].inc()
    exchange.onEnd(count)
    return next(exchange)
  }
}

const labelsOf = ({ arrival, backend, app }: Exchange): Labels => ({
  direction: arrival.direction,
  service: arrival.service,
  workload: backend?.cluster.workload ?? app?.workload ?? '',
  route: backend?.route.key ?? '',
})

class RequestSlots {
  private readonly registry: MetricsRegistry
  private readonly labels: Labels
  private readonly duration: Histogram
  /** By flag, then by the first digit of the status. */
  private readonly counters = new Map<string, (Counter | undefined)[]>()

  constructor(registry: MetricsRegistry, labels: Labels) {
    this.registry = registry
    this.labels = labels
    this.duration = registry.histogram(DURATION, DURATION_HELP, labels)
  }

  count({ record: { flag, status, durationMs } }: Exchange): void {
    this.duration.observe(durationMs)
    let byClass = this.counters.get(flag)
    if (byClass === undefined) {
      byClass = []
      this.counters.set(flag, byClass)
    }
    const digit = Math.floor(status / 100)
    byClass[digit] ??= this.registry.counter(REQUESTS, REQUESTS_HELP, {
      ...this.labels,
      class: digit === 0 ? 'none' : `${digit}xx`,
      flag,
    })
    byClass[digit].inc()
  }
}
