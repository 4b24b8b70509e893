/** Refuses what would be too much at once for a workload. `maxRetries` is asked by `retry`, the rest by pools. */
import type { Attempt } from '../attempt.ts'
import type { Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'

export const circuitBreaker = (): Filter<Attempt> => next => attempt => {
  const { cluster } = attempt.backend
  const { requests } = cluster.breaker
  if (!requests.enter()) {
    const reason = `${cluster.workload} has ${requests.max} requests at once already (maxRequests)`
    return attempt.fail(new Failure('overflow', reason))
  }
  attempt.whenEnded(leave)
  return next(attempt)
}

const leave = (attempt: Attempt): void => attempt.backend.cluster.breaker.requests.leave()
