/**
 * Tries again what may be tried again. Three classes decide who may (docs/reference/document.md, "Retry safety"): an
 * *unsent* request never reached an app, an *unanswered* one broke before the first byte of a response, an *answered*
 * one has a response that the policy calls bad. Everything else is final.
 */
import type { Clock, Random } from '../../mesh/clock.ts'
import type { Retry, RetryCondition } from '../../mesh/policy/retry.ts'
import type { Attempt } from '../attempt.ts'
import { discard } from '../body.ts'
import type { Exchange, Filter, Handler } from '../exchange.ts'
import { Failure } from '../failure.ts'
import { isIdempotent, type Response } from '../message.ts'
import { ReplayBody } from '../replay-body.ts'
import type { Labels, MetricsRegistry } from '../telemetry/metrics.ts'
import type { Backend } from '../upstream/backend.ts'

export interface RetryDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly registry: MetricsRegistry
}

export const retry =
  (dependencies: RetryDependencies): Filter<Exchange> =>
  next =>
  exchange => {
    const { backend } = exchange
    if (backend === undefined || backend.route.retry.attempts === 0) return next(exchange)
    backend.retryBudget.earn(exchange.startedMs)
    return new Tries(next, exchange, backend, dependencies).run()
  }

/** What one try came to. */
type Outcome = Response | Failure

export type RetryClass = 'unsent' | 'unanswered' | 'answered'

/** How an outcome may be retried; undefined: not at all. */
export function retryClassOf(outcome: Outcome, method: string, policy: Retry): RetryClass | undefined {
  const repeatable = policy.nonIdempotent || isIdempotent(method)
  if (!(outcome instanceof Failure)) {
    // No condition names a status below 400.
    if (outcome.status < 400 || !repeatable) return undefined
    return policy.on.some(condition => wantsStatus(condition, outcome.status)) ? 'answered' : undefined
  }
  if (outcome.row.safety === 'unsent') return 'unsent'
  if (outcome.row.safety === 'no' || !repeatable) return undefined
  return policy.on.some(condition => wantsFailure(condition, outcome)) ? 'unanswered' : undefined
}

const STATUSES: Readonly<Record<Exclude<RetryCondition, number>, (status: number) => boolean>> = {
  '5xx': status => status >= 500,
  'gateway-error': status => status >= 502 && status <= 504,
  'retriable-4xx': status => status === 409,
  reset: () => false,
  'connect-failure': () => false,
}

const wantsStatus = (condition: RetryCondition, status: number): boolean =>
  typeof condition === 'number' ? status === condition : STATUSES[condition](status)

/** `5xx` and `gateway-error` include resets and per-try timeouts; a number means what the client would get. */
function wantsFailure(condition: RetryCondition, { code, row }: Failure): boolean {
  if (typeof condition === 'number') return row.status === condition
  if (condition === 'reset') return code !== 'per-try-timeout'
  return condition === '5xx' || condition === 'gateway-error'
}

/** Exponential with full jitter; `retries`: how many there were before. */
export const backoffMs = ({ backoffBaseMs, backoffMaxMs }: Retry, retries: number, random: Random): number =>
  random.next() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** retries)

/** With these flags a peer's sidecar refuses by policy: asking again would only add to the load. */
const REFUSALS: ReadonlySet<string> = new Set(['UO', 'RL', 'UAEX'])

const BROKEN_OFF = new Failure('downstream-gone', 'the request broke off before it was tried again')
const TRIED_ENOUGH = new Failure('cancelled', 'the request will not be tried again')
const SUPERSEDED = new Failure('cancelled', 'the request is tried again')

/** One exchange and its tries. Only made where the route retries. */
class Tries {
  private readonly next: Handler<Exchange>
  private readonly exchange: Exchange
  private readonly backend: Backend
  private readonly policy: Retry
  private readonly dependencies: RetryDependencies
  private readonly replay: ReplayBody | undefined

  constructor(
    next: Handler<Exchange>,
    exchange: Exchange,
    backend: Backend,
    dependencies: RetryDependencies,
  ) {
    this.next = next
    this.exchange = exchange
    this.backend = backend
    this.policy = backend.route.retry
    this.dependencies = dependencies
    const { body } = exchange
    this.replay = body.length === 0 ? undefined : new ReplayBody(body, this.policy.maxBodyBytes)
  }

  /** The first try, nearly always the only one: an async function would cost more than all that it does. */
  run(): Promise<Response> {
    return this.tryOnce().then(
      response => this.judge(response, 0),
      error => this.judge(this.failureOf(error), 0),
    )
  }

  /** The outcome of a try after so many retries: final, or the reason for another. */
  private judge(outcome: Outcome, retries: number): Response | Promise<Response> {
    const retryClass = this.retryClass(outcome)
    if (retryClass !== undefined && this.enter(retryClass, retries)) {
      return this.tryAgain(outcome, retryClass, retries)
    }
    this.replay?.release(TRIED_ENOUGH)
    if (outcome instanceof Failure) throw outcome
    return outcome
  }

  private async tryAgain(outcome: Outcome, retryClass: RetryClass, retries: number): Promise<Response> {
    this.drop(outcome)
    // Nobody has seen an unsent request, and another endpoint may be well: the first retry need not wait.
    if (retryClass !== 'unsent' || retries > 0) await this.backOff(retries)
    this.count('selvage_retries_total', 'Retries by safety class.', { class: retryClass })
    const retried = this.tryOnce()
    this.exchange.lastAttempt?.whenEnded(leaveRetries)
    return this.judge(await retried.catch(error => this.failureOf(error)), retries + 1)
  }

  private tryOnce(): Promise<Response> {
    const { exchange, replay, policy, dependencies } = this
    if (replay !== undefined) {
      if (!replay.replayable) return Promise.reject(BROKEN_OFF)
      exchange.body = replay.cursor()
    }
    const trial = this.next(exchange)
    if (policy.perTryTimeoutMs === 0) return trial
    const attempt = exchange.lastAttempt
    const timer = dependencies.clock.after(policy.perTryTimeoutMs, () =>
      attempt?.cancel(perTryTimeout(policy)),
    )
    return trial.finally(() => timer.cancel())
  }

  /** Failures become values; what is none is thrown. */
  private failureOf(error: unknown): Failure {
    const isFailure = error instanceof Failure
    // An attempt that ended before its body was read leaves a cursor that would hold the others back.
    this.exchange.body.cancel(isFailure ? error : TRIED_ENOUGH)
    if (isFailure) return error
    throw error
  }

  /** The class by which this exchange may be tried again now; undefined when the outcome is final. */
  private retryClass(outcome: Outcome): RetryClass | undefined {
    const { exchange, replay, policy } = this
    if (exchange.stopped !== undefined || replay?.replayable === false) return undefined
    const peerFlag = exchange.lastAttempt?.peerFlag
    if (!(outcome instanceof Failure) && peerFlag !== undefined && REFUSALS.has(peerFlag)) return undefined
    return retryClassOf(outcome, exchange.method, policy)
  }

  /** Whether one more retry is allowed; what it costs is paid then. Unsent requests cost nobody anything. */
  private enter(retryClass: RetryClass, retries: number): boolean {
    const { exchange, policy, backend, dependencies } = this
    const running = backend.cluster.breaker.retries
    if (retries < policy.attempts && running.enter()) {
      if (retryClass === 'unsent') return true
      if (backend.retryBudget.spend(dependencies.clock.monotonic())) return true
      running.leave()
      this.count(
        'selvage_retry_budget_exhausted_total',
        'Retries that the budget of the service forbade.',
        {},
      )
    }
    exchange.record.flag = 'URX'
    return false
  }

  /** Lets go of an outcome. A connection is worth keeping only if the whole request went out on it. */
  private drop(outcome: Outcome): void {
    if (outcome instanceof Failure) return
    if (this.exchange.request.complete) discard(outcome.body)
    else this.exchange.lastAttempt?.cancel(SUPERSEDED)
  }

  private backOff(retries: number): Promise<void> {
    const { exchange, policy, dependencies, backend } = this
    const delayMs = backoffMs(policy, retries, dependencies.random)
    return new Promise((resolve, reject) => {
      const timer = dependencies.clock.after(delayMs, () => {
        exchange.onStop = undefined
        resolve()
      })
      exchange.onStop = failure => {
        exchange.onStop = undefined
        timer.cancel()
        backend.cluster.breaker.retries.leave()
        this.replay?.release(failure)
        reject(failure)
      }
    })
  }

  private count(name: string, help: string, more: Labels): void {
    const { service, cluster } = this.backend
    this.dependencies.registry.counter(name, help, { service, workload: cluster.workload, ...more }).inc()
  }
}

const leaveRetries = (attempt: Attempt): void => attempt.backend.cluster.breaker.retries.leave()

const perTryTimeout = ({ perTryTimeoutMs }: Retry): Failure =>
  new Failure('per-try-timeout', `no response to this try within ${perTryTimeoutMs} ms`)
