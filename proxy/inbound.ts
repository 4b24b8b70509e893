/**
 * Inbound: what happens to a request for the app beside this sidecar, in this order. Read it as prose; each line
 * is a file in `filter/`, and leaving an optional line out leaves a working proxy without that feature.
 */
import type { Clock } from '../mesh/clock.ts'
import { type Exchange, eachAttempt, type Handler, stack } from './exchange.ts'
import { access } from './filter/access.ts'
import { accessLog } from './filter/access-log.ts'
import { forwardToApp } from './filter/forward.ts'
import { grpcTimeout } from './filter/grpc-timeout.ts'
import { identity } from './filter/identity.ts'
import { metrics } from './filter/metrics.ts'
import { rescue } from './filter/rescue.ts'
import { routeToApp } from './filter/route.ts'
import { timeout } from './filter/timeout.ts'
import { trace } from './filter/trace.ts'
import type { Routing } from './routing.ts'
import type { AccessLog } from './telemetry/access-log.ts'
import type { Log } from './telemetry/log.ts'
import type { MetricsRegistry } from './telemetry/metrics.ts'
import type { Tracer } from './telemetry/tracer.ts'

export interface InboundDependencies {
  readonly clock: Clock
  readonly routing: Routing
  /** SPIFFE ID of this workload. */
  readonly ownId: () => string
  readonly accessLog: AccessLog
  readonly tracer: Tracer
  readonly registry: MetricsRegistry
  readonly log: Log
}

export const inbound = (its: InboundDependencies): Handler<Exchange> =>
  stack(
    [
      accessLog({ log: its.accessLog }), // tells of every exchange when it is over
      trace({ tracer: its.tracer, registry: its.registry }), // gives everyone after it the trace context
      metrics({ registry: its.registry }), // counts it and how long it took
      rescue({ log: its.log }), // answers when something below fails, and says why
      identity({ routing: its.routing, ownId: its.ownId }), // who is calling, proven
      routeToApp({ routing: its.routing }), // which port of the app
      access({ clock: its.clock, registry: its.registry, log: its.log }), // may they?
      timeout({ clock: its.clock }), // how long the answer may take
      grpcTimeout({ clock: its.clock }), // how long the caller of a gRPC method waits
    ],
    eachAttempt(forwardToApp()), // a connection from the app's pool, and off it goes
  )
