/** The end of the lists: a connection from the pool, the request onto it, and what a peer's sidecar says. */
import { HEADER_NOT_PROCESSED, HEADER_REASON } from '../../mesh/protocol.ts'
import { discard } from '../body.ts'
import type { Attempt, Handler } from '../exchange.ts'
import { Failure } from '../failure.ts'
import type { Response } from '../message.ts'
import { Lease, type Pool } from '../upstream/pool.ts'

/** Outbound: to the endpoint that `balance` chose. */
export const forward = (): Handler<Attempt> => async attempt => {
  const { backend, endpoint } = attempt
  if (endpoint === undefined) {
    return attempt.fail(new Failure('internal', 'an attempt was forwarded before it had an endpoint'))
  }
  const lease = await leaseOf(attempt, endpoint.pool(backend.port), backend.route.timeout.connectMs)
  const response = await lease.send(attempt)
  if (response.status < 400 || !backend.cluster.isMesh) {
    attempt.answered(response.status, undefined)
    return response
  }
  return heard(attempt, response, endpoint.id)
}

/** Inbound: to the app. A mesh peer is told first, so that it knows what no app has seen (RFC 2518, 10.1). */
export const forwardToApp = (): Handler<Attempt> => async attempt => {
  const { app, arrival, request } = attempt.exchange
  if (app === undefined) {
    return attempt.fail(new Failure('internal', 'an attempt was forwarded before its app was known'))
  }
  const { connectMs } = app.inbound.timeout
  let lease = await leaseOf(attempt, app.pool, connectMs)
  const announced = arrival.meshPeer ? request.announceProcessing() : undefined
  if (announced !== undefined) {
    await heldWhile(announced, attempt, lease)
    // The app may have closed the connection meanwhile.
    while (!lease.usable) lease = await leaseOf(attempt, app.pool, connectMs)
  }
  const response = await lease.send(attempt)
  attempt.answered(response.status, undefined)
  return response
}

async function leaseOf(attempt: Attempt, pool: Pool, connectTimeoutMs: number): Promise<Lease> {
  if (attempt.cancelledBy !== undefined) return attempt.fail(attempt.cancelledBy)
  const acquired = pool.acquire(attempt, connectTimeoutMs)
  if (acquired instanceof Lease) return acquired
  const lease = await acquired.catch(error => attempt.fail(error))
  return goOn(attempt, lease)
}

/** Waits for something else with a connection in hand. */
async function heldWhile(announced: Promise<void>, attempt: Attempt, lease: Lease): Promise<void> {
  try {
    await announced
  } catch (error) {
    lease.release()
    await attempt.fail(error instanceof Failure ? error : new Failure('internal', String(error)))
  }
  await goOn(attempt, lease)
}

/** Whoever waited looks whether it is still wanted. */
function goOn(attempt: Attempt, lease: Lease): Lease | Promise<never> {
  if (attempt.cancelledBy === undefined) return lease
  lease.release()
  return attempt.fail(attempt.cancelledBy)
}

/**
 * What a peer's sidecar says in place of its app. "Not processed" and a connection that its app broke are failures
 * of this attempt, as if we had seen them ourselves; everything else is an answer.
 */
function heard(attempt: Attempt, response: Response, endpoint: string): Response {
  const reason = response.headers.get(HEADER_REASON)
  const flag = reason?.split(' ', 1)[0]
  attempt.answered(response.status, flag)
  if (flag === undefined) return response
  const says = `endpoint ${endpoint} of ${attempt.backend.cluster.workload} says: ${reason}`
  if (response.headers.has(HEADER_NOT_PROCESSED)) {
    discard(response.body)
    throw new Failure(flag === 'LR' ? 'draining' : 'not-processed', says)
  }
  if (flag === 'UC') {
    discard(response.body)
    throw new Failure('upstream-reset', says)
  }
  return response
}
