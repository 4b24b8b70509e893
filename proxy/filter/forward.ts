/** The end of the lists: a connection from the pool, the request onto it, and what a peer's sidecar says. */
import { HEADER_NOT_PROCESSED, HEADER_REASON } from '../../mesh/protocol.ts'
import type { Attempt } from '../attempt.ts'
import { discard } from '../body.ts'
import type { Handler } from '../exchange.ts'
import { Failure } from '../failure.ts'
import { isIdempotent, type Response } from '../message.ts'
import type { App } from '../upstream/backend.ts'
import { Lease, type Pool } from '../upstream/pool.ts'

/** Outbound: to the endpoint that `balance` chose. */
export const forward = (): Handler<Attempt> => attempt => {
  const { backend, endpoint } = attempt
  if (endpoint === undefined) {
    return attempt.fail(new Failure('internal', 'an attempt was forwarded before it had an endpoint'))
  }
  const pool = endpoint.pool(backend.port)
  const { connectMs } = backend.route.timeout
  const { isMesh } = backend.cluster
  // A peer's sidecar says what it has handed over; from others we learn it only by looking before we send.
  const proves = !isMesh && !isIdempotent(attempt.method)
  const acquired = leaseOf(attempt, pool, connectMs)
  const answered = (response: Response) => {
    // A sidecar's own answer to a gRPC call is 200, with its status in the head and no body.
    const mayBeItsOwn = response.status >= 400 || response.body.length === 0
    if (isMesh && mayBeItsOwn) return heard(attempt, response, endpoint.id)
    attempt.answered(response.status, undefined)
    return response
  }
  // Nearly always there is nothing to wait for: an async function would cost more than all that it does.
  if (acquired instanceof Lease && !proves) return acquired.send(attempt).then(answered)
  return sendWhenReady(attempt, acquired, pool, connectMs, proves).then(answered)
}

async function sendWhenReady(
  attempt: Attempt,
  acquired: Lease | Promise<Lease>,
  pool: Pool,
  connectTimeoutMs: number,
  proves: boolean,
): Promise<Response> {
  const lease = await acquired
  return (proves ? await proven(attempt, lease, pool, connectTimeoutMs) : lease).send(attempt)
}

/** Inbound: to the app. A mesh peer is told first, so that it knows what no app has seen (RFC 2518, 10.1). */
export const forwardToApp = (): Handler<Attempt> => attempt => {
  const { app } = attempt.exchange
  if (app === undefined) {
    return attempt.fail(new Failure('internal', 'an attempt was forwarded before its app was known'))
  }
  const acquired = leaseOf(attempt, app.pool, app.inbound.timeout.connectMs)
  const answered = (response: Response) => {
    attempt.answered(response.status, undefined)
    return response
  }
  if (acquired instanceof Lease && isIdempotent(attempt.method)) return acquired.send(attempt).then(answered)
  return announceAndSend(attempt, acquired, app).then(answered)
}

async function announceAndSend(
  attempt: Attempt,
  acquired: Lease | Promise<Lease>,
  app: App,
): Promise<Response> {
  const { arrival, request } = attempt.exchange
  let lease = await acquired
  if (!isIdempotent(attempt.method)) {
    const announced = arrival.meshPeer ? request.announceProcessing() : undefined
    if (announced !== undefined) await heldWhile(announced, attempt, lease)
    lease = await proven(attempt, lease, app.pool, app.inbound.timeout.connectMs)
  }
  return lease.send(attempt)
}

function leaseOf(attempt: Attempt, pool: Pool, connectTimeoutMs: number): Lease | Promise<Lease> {
  if (attempt.cancelledBy !== undefined) return attempt.fail(attempt.cancelledBy)
  const acquired = pool.acquire(attempt, connectTimeoutMs)
  if (acquired instanceof Lease) return acquired
  return acquired.then(
    lease => goOn(attempt, lease),
    error => attempt.fail(error),
  )
}

/**
 * A connection that is open as far as anybody can know. When an app dies, the ends of all its connections and the
 * next request may arrive in one turn of the event loop: whatever has arrived is read before a request that must
 * not be sent twice goes out on a connection that was used before.
 */
async function proven(attempt: Attempt, held: Lease, pool: Pool, connectTimeoutMs: number): Promise<Lease> {
  if (held.connection.sent > 0) await heldWhile(endOfTurn(), attempt, held)
  let lease = held
  while (!lease.usable) {
    lease.release()
    lease = await leaseOf(attempt, pool, connectTimeoutMs)
  }
  return lease
}

const endOfTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Waits for something else with a connection in hand. */
async function heldWhile(something: Promise<void>, attempt: Attempt, lease: Lease): Promise<void> {
  try {
    await something
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
