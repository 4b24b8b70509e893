/** May this caller do this? Asked by the sidecar of the app that is called, never by its callers. */
import type { ShadowVerdict, Verdict } from '../../mesh/access.ts'
import type { Clock } from '../../mesh/clock.ts'
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Log } from '../telemetry/log.ts'
import type { Counter, MetricsRegistry } from '../telemetry/metrics.ts'
import type { App } from '../upstream/backend.ts'

export interface AccessDependencies {
  readonly clock: Clock
  readonly registry: MetricsRegistry
  readonly log: Log
}

export const access = (dependencies: AccessDependencies): Filter<Exchange> => {
  const { registry } = dependencies
  const noteShadow = shadowNotes(dependencies)
  const counters = new WeakMap<App, Counter>()
  const count = (app: App): void => {
    let checks = counters.get(app)
    if (checks === undefined) {
      const help = 'Requests that access rules were asked about.'
      checks = registry.counter('selvage_access_checks_total', help, { service: app.service })
      counters.set(app, checks)
    }
    checks.inc()
  }
  return next => exchange => {
    const { app } = exchange
    if (app === undefined) return Promise.reject(new Failure('internal', 'access was asked before the route'))
    count(app)
    const verdict = app.access.authorise(exchange)
    if (verdict.shadow !== undefined) noteShadow(exchange, verdict, verdict.shadow)
    if (verdict.allowed) return next(exchange)
    registry
      .counter('selvage_access_denied_total', 'Requests that access rules refused.', {
        service: app.service,
        source: exchange.source ?? '',
        rule: verdict.rule ?? '',
      })
      .inc()
    return Promise.reject(new Failure('access-denied', verdict.reason))
  }
}

/** A caller that shadow rules judge otherwise is logged once in this time, not with each request. */
const LOG_EVERY_MS = 60_000
const MAX_REMEMBERED = 1000

type NoteShadow = (exchange: Exchange, verdict: Verdict, shadow: ShadowVerdict) => void

/** Shadow rules are counted each time they hold, and logged when they would have changed the verdict. */
function shadowNotes({ clock, registry, log }: AccessDependencies): NoteShadow {
  const loggedMs = new Map<string, number>()
  return ({ arrival: { service }, source, method, path }, { allowed }, shadow) => {
    for (const rule of shadow.rules) {
      const labels = { service, rule, would: shadow.allowed ? 'allow' : 'deny' }
      registry.counter('selvage_access_shadow_total', 'Requests for which a shadow rule holds.', labels).inc()
    }
    if (shadow.allowed === allowed) return
    const key = `${service} ${source} ${shadow.allowed} ${shadow.rules.join(' ')}`
    const nowMs = clock.monotonic()
    if (nowMs - (loggedMs.get(key) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return
    if (loggedMs.size >= MAX_REMEMBERED) loggedMs.clear()
    loggedMs.set(key, nowMs)
    const would = shadow.allowed ? 'allow' : 'refuse'
    log.info(
      { event: 'access-shadow', service, source, method, path, rules: shadow.rules, allowed, would },
      `shadow access rules would ${would} ${source ?? 'a caller without a proven identity'} at ${service}`,
    )
  }
}
