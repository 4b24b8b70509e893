/**
 * Deadlines of gRPC calls: when `grpc-timeout` has passed, nobody waits any longer, and whoever works for the call is
 * told. (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests)
 */
import type { Clock } from '../../mesh/clock.ts'
import type { Attempt } from '../attempt.ts'
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import { HeaderEdits } from '../header-block.ts'

const FIELD = 'grpc-timeout'

/** The whole call, streams included, from its head on. */
export const grpcTimeout =
  ({ clock }: { readonly clock: Clock }): Filter<Exchange> =>
  next =>
  exchange => {
    const timeoutMs = grpcTimeoutMs(exchange.header(FIELD))
    if (timeoutMs === undefined) return next(exchange)
    const failure = new Failure('response-timeout', `the deadline of the call (${timeoutMs} ms) has passed`)
    const timer = clock.after(timeoutMs, () => exchange.stop(failure))
    exchange.onEnd(() => timer.cancel())
    return next(exchange)
  }

/** What is left of it for another try. The first goes on as it came: nothing has happened yet. */
export const grpcTimeoutLeft =
  ({ clock }: { readonly clock: Clock }): Filter<Attempt> =>
  next =>
  attempt => {
    if (attempt.previous === undefined) return next(attempt)
    const timeoutMs = grpcTimeoutMs(attempt.headers.get(FIELD))
    if (timeoutMs === undefined) return next(attempt)
    const leftMs = Math.max(0, Math.floor(attempt.exchange.startedMs + timeoutMs - clock.monotonic()))
    attempt.edits = new HeaderEdits(attempt.edits).set(FIELD, `${Math.min(leftMs, MOST)}m`)
    return next(attempt)
  }

/** Eight digits at most. */
const MOST = 99_999_999
const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** Milliseconds; undefined when there is none, or none that can be read: that is for the app to refuse. */
export function grpcTimeoutMs(value: string | undefined): number | undefined {
  const [, digits, unit = ''] = value === undefined ? [] : (TIMEOUT.exec(value) ?? [])
  return digits === undefined ? undefined : Number(digits) * UNIT_MS[unit]!
}
