/** Who is calling: where the port asks for it, nobody unproven passes. */
import { Failure } from '../failure.ts'
import type { Routing } from '../routing.ts'
import type { ConnectionFilter } from './connection.ts'

export const identity =
  ({ routing }: { readonly routing: Routing }): ConnectionFilter =>
  next =>
  async connection => {
    const { arrival } = connection
    const app = routing.app(arrival)
    if (arrival.sourceId === undefined && !(app instanceof Failure) && app.inbound.tls === 'strict') {
      throw new Failure(
        'identity-missing',
        `port ${arrival.port} of ${arrival.service} accepts mutual TLS only`,
      )
    }
    await next(connection)
  }
