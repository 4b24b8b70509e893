/**
 * May this caller connect? Asked when it comes, and again whenever rules have changed: a connection may stay open
 * for days, and a rule that was taken back must not wait for that.
 */
import { Failure } from '../failure.ts'
import type { Routing } from '../routing.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Connection, ConnectionFilter } from './connection.ts'

export interface AccessDependencies {
  readonly routing: Routing
  readonly registry: MetricsRegistry
  /** Every connection that was let in and is open. */
  readonly open: Set<Connection>
}

export const access =
  (dependencies: AccessDependencies): ConnectionFilter =>
  next =>
  async connection => {
    const refusal = refusalOf(connection, dependencies)
    if (refusal !== undefined) throw refusal
    dependencies.open.add(connection)
    try {
      await next(connection)
    } finally {
      dependencies.open.delete(connection)
    }
  }

/** Asks the rules in force now about every open connection, and breaks those that they no longer allow. */
export function authoriseAgain(dependencies: AccessDependencies): void {
  for (const connection of dependencies.open) {
    const refusal = refusalOf(connection, dependencies)
    if (refusal !== undefined) connection.stop(refusal)
  }
}

function refusalOf({ arrival }: Connection, { routing, registry }: AccessDependencies): Failure | undefined {
  const app = routing.app(arrival)
  if (app instanceof Failure) return app
  if (arrival.sourceId === undefined && app.inbound.tls === 'strict') {
    return new Failure(
      'identity-missing',
      `port ${arrival.port} of ${arrival.service} accepts mutual TLS only`,
    )
  }
  const { allowed, rule, reason } = app.access.authoriseConnection(arrival)
  if (allowed) return undefined
  registry
    .counter('selvage_access_denied_total', 'Requests that access rules refused.', {
      service: app.service,
      source: arrival.source ?? '',
      rule: rule ?? '',
    })
    .inc()
  return new Failure('access-denied', reason)
}
