/** Refuses what would be too much at once for a workload: a connection counts as one request. */
import { Failure } from '../failure.ts'
import type { ConnectionFilter } from './connection.ts'

export const circuitBreaker = (): ConnectionFilter => next => async connection => {
  const { cluster } = connection.backend!
  const { requests } = cluster.breaker
  if (!requests.enter()) {
    throw new Failure(
      'overflow',
      `${cluster.workload} has ${requests.max} connections at once already (maxRequests)`,
    )
  }
  try {
    await next(connection)
  } finally {
    requests.leave()
  }
}
