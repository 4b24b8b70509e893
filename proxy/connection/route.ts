/** Where a connection goes: decided once, by the snapshot in force now. */
import { Failure } from '../failure.ts'
import type { Routing } from '../routing.ts'
import type { ConnectionFilter } from './connection.ts'

interface RouteDependencies {
  readonly routing: Routing
}

/** Outbound: the first route of the service that a connection can match, one of its targets by weight. */
export const route =
  ({ routing }: RouteDependencies): ConnectionFilter =>
  next =>
  async connection => {
    const backend = routing.connectionBackend(connection.arrival)
    if (backend instanceof Failure) throw backend
    connection.backend = backend
    await next(connection)
  }

/** Inbound: the port of the app that answers for the service and port that were dialled. */
export const routeToApp =
  ({ routing }: RouteDependencies): ConnectionFilter =>
  next =>
  async connection => {
    const app = routing.app(connection.arrival)
    if (app instanceof Failure) throw app
    connection.app = app
    await next(connection)
  }
