/** Chooses the endpoint of an attempt; one that was tried before only if there is no other. */
import type { Attempt, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'

export const balance = (): Filter<Attempt> => next => attempt => {
  const { attempts } = attempt.exchange
  const { rotation, cluster } = attempt.backend
  const tried = attempts.length > 1 ? attempts.map(({ endpoint }) => endpoint) : undefined
  const endpoint = rotation.pick(tried)
  if (endpoint === undefined) {
    const { workload, endpointCount } = cluster
    const reason =
      endpointCount === 0
        ? `${workload} has no endpoints`
        : `none of the ${endpointCount} endpoints of ${workload} takes requests now`
    return attempt.fail(new Failure('no-healthy-endpoint', reason))
  }
  attempt.endpoint = endpoint
  endpoint.active++
  attempt.whenEnded(leaveEndpoint)
  return next(attempt)
}

function leaveEndpoint({ endpoint }: Attempt): void {
  if (endpoint !== undefined) endpoint.active--
}
