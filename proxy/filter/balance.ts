/** Chooses the endpoint of an attempt; one that was tried before only if there is no other. */
import type { Attempt } from '../attempt.ts'
import type { Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Endpoint } from '../upstream/endpoint.ts'

export const balance = (): Filter<Attempt> => next => attempt => {
  const { rotation, cluster } = attempt.backend
  const endpoint = rotation.pick(attempt.previous === undefined ? undefined : triedBefore(attempt))
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

function triedBefore(attempt: Attempt): (Endpoint | undefined)[] {
  const tried = []
  for (let each = attempt.previous; each !== undefined; each = each.previous) tried.push(each.endpoint)
  return tried
}

function leaveEndpoint({ endpoint }: Attempt): void {
  if (endpoint !== undefined) endpoint.active--
}
