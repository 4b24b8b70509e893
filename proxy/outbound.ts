/**
 * Outbound: what happens to a request that the app sends, in this order. Read it as prose; each line is a file in
 * `filter/`, and leaving an optional line out leaves a working proxy without that feature.
 */
import type { Clock, Random } from '../mesh/clock.ts'
import { type Exchange, eachAttempt, type Handler, stack } from './exchange.ts'
import { accessLog } from './filter/access-log.ts'
import { balance } from './filter/balance.ts'
import { circuitBreaker } from './filter/circuit-breaker.ts'
import { forward } from './filter/forward.ts'
import { grpcTimeout, grpcTimeoutLeft } from './filter/grpc-timeout.ts'
import { metrics } from './filter/metrics.ts'
import { outlierDetection } from './filter/outlier-detection.ts'
import { rescue } from './filter/rescue.ts'
import { retry } from './filter/retry.ts'
import { route } from './filter/route.ts'
import { timeout } from './filter/timeout.ts'
import { trace } from './filter/trace.ts'
import type { Routing } from './routing.ts'
import type { AccessLog } from './telemetry/access-log.ts'
import type { Log } from './telemetry/log.ts'
import type { MetricsRegistry } from './telemetry/metrics.ts'
import type { Tracer } from './telemetry/tracer.ts'

export interface OutboundDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly routing: Routing
  readonly accessLog: AccessLog
  readonly tracer: Tracer
  readonly registry: MetricsRegistry
  readonly log: Log
}

export const outbound = (its: OutboundDependencies): Handler<Exchange> =>
  stack(
    [
      accessLog({ log: its.accessLog }), // tells of every exchange when it is over
      trace({ tracer: its.tracer, registry: its.registry }), // gives everyone after it the trace context
      metrics({ registry: its.registry }), // counts it and how long it took
      rescue({ log: its.log }), // answers when something below fails, and says why
      route({ routing: its.routing, registry: its.registry }), // where to: service, route, one workload by weight
      timeout({ clock: its.clock }), // how long the answer may take, over all tries
      grpcTimeout({ clock: its.clock }), // how long the caller of a gRPC method waits
      retry({ clock: its.clock, random: its.random, registry: its.registry }), // calls what follows again
    ],
    eachAttempt(
      stack(
        [
          grpcTimeoutLeft({ clock: its.clock }), // what is left of that for this try
          balance(), // which endpoint of the workload
          circuitBreaker(), // unless too much runs at once
          outlierDetection(), // notes how the endpoint did
        ],
        forward(), // a connection from its pool, and off it goes
      ),
    ),
  )
