/**
 * Connections that carry plain bytes: what happens to one, in this order. Read it as prose; each line is a file in
 * `connection/`, and leaving an optional line out leaves a working proxy without that feature.
 */
import type { Clock } from '../mesh/clock.ts'
import { type AccessDependencies, access } from './connection/access.ts'
import { accessLog } from './connection/access-log.ts'
import { balance } from './connection/balance.ts'
import { circuitBreaker } from './connection/circuit-breaker.ts'
import { type ConnectionHandler, stackConnections } from './connection/connection.ts'
import { forward, forwardToApp } from './connection/forward.ts'
import { identity } from './connection/identity.ts'
import { metrics } from './connection/metrics.ts'
import { rescue } from './connection/rescue.ts'
import { route, routeToApp } from './connection/route.ts'
import type { AccessLog } from './telemetry/access-log.ts'
import type { Log } from './telemetry/log.ts'
import type { Connector } from './upstream/connector.ts'

export interface ConnectionDependencies extends AccessDependencies {
  readonly clock: Clock
  readonly connector: Connector
  readonly accessLog: AccessLog
  readonly log: Log
}

/** What the app opens. */
export const connectionOutbound = (its: ConnectionDependencies): ConnectionHandler =>
  stackConnections(
    [
      accessLog({ log: its.accessLog }), // tells of every connection when it is over
      metrics({ registry: its.registry }), // counts it and its bytes
      rescue({ log: its.log }), // breaks it when something below fails, and says why
      route({ routing: its.routing }), // where to: service, route, one workload by weight
      balance(), // which endpoint of the workload; another if it cannot be reached
      circuitBreaker(), // unless too much runs at once
    ],
    forward(its), // a connection of its own, and bytes both ways
  )

/** What others open to the app. */
export const connectionInbound = (its: ConnectionDependencies): ConnectionHandler =>
  stackConnections(
    [
      accessLog({ log: its.accessLog }), // tells of every connection when it is over
      metrics({ registry: its.registry }), // counts it and its bytes
      rescue({ log: its.log }), // breaks it when something below fails, and says why
      identity({ routing: its.routing }), // who is calling, proven
      routeToApp({ routing: its.routing }), // which port of the app
      access(its), // may they? asked again when rules change
    ],
    forwardToApp(its), // a connection of its own, and bytes both ways
  )
