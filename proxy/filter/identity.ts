/**
 * Who is calling: what callers say of themselves is dropped, and the app learns from `x-forwarded-client-cert`
 * who was proven (Envoy's format). Where the port asks for it, nobody unproven passes.
 */
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Routing } from '../routing.ts'

const OWN_FIELDS = 'x-selvage-'
const CLIENT_CERT = 'x-forwarded-client-cert'

export interface IdentityDependencies {
  readonly routing: Routing
  /** SPIFFE ID of this workload. */
  readonly ownId: () => string
}

export const identity =
  ({ routing, ownId }: IdentityDependencies): Filter<Exchange> =>
  next =>
  exchange => {
    const { arrival, request } = exchange
    if (request.headers.hasPrefix(OWN_FIELDS)) exchange.editRequest().removePrefix(OWN_FIELDS)
    if (arrival.sourceId !== undefined) {
      exchange.editRequest().set(CLIENT_CERT, `By=${ownId()};URI=${arrival.sourceId}`)
      return next(exchange)
    }
    if (request.headers.has(CLIENT_CERT)) exchange.editRequest().remove(CLIENT_CERT)
    const app = routing.app(arrival)
    if (!(app instanceof Failure) && app.inbound.tls === 'strict') {
      const reason = `port ${arrival.port} of ${arrival.service} accepts mutual TLS only`
      return Promise.reject(new Failure('identity-missing', reason))
    }
    return next(exchange)
  }
