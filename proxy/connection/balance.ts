/**
 * Which endpoint of the workload. One that cannot be reached has seen nothing, so another one is tried, as often as
 * the route's retry policy says.
 */
import { Failure } from '../failure.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { Connection, ConnectionFilter, ConnectionHandler } from './connection.ts'

export const balance = (): ConnectionFilter => next => async connection => {
  const { rotation, cluster, route } = connection.backend!
  const tried: Endpoint[] = []
  for (;;) {
    const endpoint = rotation.pick(tried)
    if (endpoint === undefined) {
      throw new Failure(
        'no-healthy-endpoint',
        `${cluster.workload} has no endpoint that takes connections now`,
      )
    }
    const failure = await attempt(connection, endpoint, next)
    if (failure === undefined) return
    if (failure.row.safety !== 'unsent' || connection.stopped !== undefined) throw failure
    rotation.observe(endpoint, 'gateway-error')
    tried.push(endpoint)
    if (tried.length > route.retry.attempts) throw failure
  }
}

async function attempt(
  connection: Connection,
  endpoint: Endpoint,
  next: ConnectionHandler,
): Promise<Failure | undefined> {
  connection.endpoint = endpoint
  endpoint.active++
  try {
    await next(connection)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  } finally {
    endpoint.active--
  }
}
