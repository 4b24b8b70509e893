/**
 * Time to the response head, over all tries, and after that the longest silence. One timer for each exchange: it
 * looks at what has moved since it last looked, so that no chunk and no response head touches a timer.
 */
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { Timeout } from '../../mesh/policy/timeout.ts'
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'

export const timeout =
  ({ clock }: { readonly clock: Clock }): Filter<Exchange> =>
  next =>
  exchange => {
    const policy = exchange.timeout
    if (policy !== undefined && (policy.requestMs > 0 || policy.idleMs > 0)) watch(exchange, policy, clock)
    return next(exchange)
  }

function watch(exchange: Exchange, policy: Timeout, clock: Clock): void {
  const watcher = new Watcher(exchange, policy, clock)
  exchange.onEnd(() => watcher.stop())
}

class Watcher {
  private readonly exchange: Exchange
  private readonly policy: Timeout
  private readonly clock: Clock
  private timer: Timer
  /** When the wait for the response head began. */
  private requestedMs: number
  private bytesMoved = 0
  /** When we last saw that something had moved. */
  private movedMs: number

  constructor(exchange: Exchange, policy: Timeout, clock: Clock) {
    this.exchange = exchange
    this.policy = policy
    this.clock = clock
    this.requestedMs = exchange.startedMs
    this.movedMs = exchange.startedMs
    this.timer = clock.after(nearest(policy.requestMs, policy.idleMs), () => this.look())
  }

  stop(): void {
    this.timer.cancel()
  }

  private look(): void {
    const nowMs = this.clock.monotonic()
    const { exchange, policy } = this
    const waits = exchange.record.status === 0 && policy.requestMs > 0 && !mayBeSilent(exchange)
    this.notice(nowMs, waits)
    const headLeftMs = waits ? this.requestedMs + policy.requestMs - nowMs : Number.POSITIVE_INFINITY
    const idleLeftMs = policy.idleMs > 0 ? this.movedMs + policy.idleMs - nowMs : Number.POSITIVE_INFINITY
    if (headLeftMs <= 0) exchange.stop(headTimeout(policy))
    else if (idleLeftMs <= 0) exchange.stop(idleTimeout(policy))
    else if (headLeftMs < Number.POSITIVE_INFINITY || idleLeftMs < Number.POSITIVE_INFINITY) {
      this.timer = this.clock.after(Math.min(headLeftMs, idleLeftMs), () => this.look())
    }
  }

  /** Silence is counted from the response head on, or from the beginning where no answer is waited for. */
  private notice(nowMs: number, waits: boolean): void {
    const { request, record, startedMs } = this.exchange
    if (waits || request.bytesMoved !== this.bytesMoved) this.movedMs = nowMs
    else this.movedMs = Math.max(this.movedMs, startedMs + record.headMs)
    this.bytesMoved = request.bytesMoved
    // The time for an answer counts from when the request was all here: a long upload is not a slow server.
    if (!request.complete) this.requestedMs = nowMs
  }
}

/** Exchanges whose answer may be a long time coming: only silence ends them. Asked when a timer is due, not before. */
function mayBeSilent(exchange: Exchange): boolean {
  return (
    exchange.header('accept')?.includes('text/event-stream') === true ||
    exchange.header('content-type')?.startsWith('application/grpc') === true ||
    exchange.header('upgrade') !== undefined
  )
}

const nearest = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))

const headTimeout = ({ requestMs }: Timeout): Failure =>
  new Failure('response-timeout', `no response within ${requestMs} ms`)

const idleTimeout = ({ idleMs }: Timeout): Failure =>
  new Failure('idle-timeout', `nothing was sent either way for ${idleMs} ms`)
