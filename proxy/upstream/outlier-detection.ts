/**
 * Takes an endpoint out of balancing for a while when it fails real requests in a row. One detector watches the
 * endpoints of a workload, or those of one route that has a policy of its own.
 */
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { OutlierDetection as OutlierDetectionPolicy } from '../../mesh/policy/outlier-detection.ts'
import type { Failure } from '../failure.ts'
import type { Endpoint } from './endpoint.ts'

/** What the end of an attempt says about its endpoint. */
export type Verdict = 'well' | 'error' | 'gateway-error' | 'silent'

/**
 * Flags with which a peer's sidecar says that its app failed. Its other flags are verdicts of its own (a rule, a
 * limit, a drain) and say nothing about the endpoint.
 */
const APP_FAILED: ReadonlySet<string> = new Set(['UF', 'UC', 'UPE', 'UT'])

/**
 * `status` 0: no response; `peerFlag`: of the peer's sidecar, when it answered in place of its app; `failure`: how
 * the attempt ended, if not well.
 */
export function verdictOf(
  status: number,
  peerFlag: string | undefined,
  failure: Failure | undefined,
): Verdict {
  if (peerFlag !== undefined && !APP_FAILED.has(peerFlag)) return 'silent'
  if (status >= 502 && status <= 504) return 'gateway-error'
  if (status >= 500) return 'error'
  if (failure?.row.blamesEndpoint) return 'gateway-error'
  return status === 0 ? 'silent' : 'well'
}

interface EndpointState {
  errors: number
  gatewayErrors: number
  /** Ejections in a row; each makes the next one longer. */
  ejections: number
  /** Of the monotonic clock; 0: not ejected. */
  ejectedUntilMs: number
  /** When it last came back. */
  returnedMs: number
  timer: Timer | undefined
}

/** What happened to an endpoint, for logs and metrics. */
export interface EjectionEvent {
  readonly kind: 'ejected' | 'returned'
  readonly endpoint: Endpoint
  /** How long it is out; 0 for `returned`. */
  readonly forMs: number
  readonly afterErrors: number
}

export interface OutlierDetectorOptions {
  readonly clock: Clock
  readonly policy: OutlierDetectionPolicy
  /** Endpoints of the workload now, ejected or not. */
  readonly population: () => number
  readonly onEvent: (event: EjectionEvent) => void
}

export class OutlierDetector {
  private policy: OutlierDetectionPolicy
  private readonly options: OutlierDetectorOptions
  /** Only endpoints that failed lately. */
  private readonly states = new Map<Endpoint, EndpointState>()
  private ejected = 0

  constructor(options: OutlierDetectorOptions) {
    this.options = options
    this.policy = options.policy
  }

  /** New thresholds; counts and ejections stay. */
  update(policy: OutlierDetectionPolicy): void {
    this.policy = policy
  }

  get ejectedCount(): number {
    return this.ejected
  }

  isEjected(endpoint: Endpoint): boolean {
    return this.ejected > 0 && this.ejectedUntilMs(endpoint) > 0
  }

  /** Of the monotonic clock; 0: not ejected. */
  ejectedUntilMs(endpoint: Endpoint): number {
    return this.states.get(endpoint)?.ejectedUntilMs ?? 0
  }

  /** Takes in what the end of an attempt says. */
  observe(endpoint: Endpoint, verdict: Verdict): void {
    if (verdict === 'silent') return
    if (verdict === 'well') this.reset(endpoint)
    else this.failed(endpoint, verdict === 'gateway-error')
  }

  /** The endpoint left the workload. */
  forget(endpoint: Endpoint): void {
    const state = this.states.get(endpoint)
    if (state === undefined) return
    if (state.ejectedUntilMs > 0) this.ejected--
    state.timer?.cancel()
    this.states.delete(endpoint)
  }

  /** The policy is gone: everything comes back. */
  close(): void {
    for (const endpoint of [...this.states.keys()]) this.forget(endpoint)
  }

  private reset(endpoint: Endpoint): void {
    if (this.states.size === 0) return
    const state = this.states.get(endpoint)
    if (state === undefined) return
    state.errors = 0
    state.gatewayErrors = 0
  }

  private failed(endpoint: Endpoint, isGatewayError: boolean): void {
    const state = this.stateOf(endpoint)
    // What was sent before it was ejected still comes back; it was judged already.
    if (state.ejectedUntilMs > 0) return
    state.errors++
    state.gatewayErrors = isGatewayError ? state.gatewayErrors + 1 : 0
    const { consecutiveErrors, consecutiveGatewayErrors } = this.policy
    const tooMany =
      (consecutiveErrors > 0 && state.errors >= consecutiveErrors) ||
      (consecutiveGatewayErrors > 0 && state.gatewayErrors >= consecutiveGatewayErrors)
    if (tooMany && this.mayEject()) this.eject(endpoint, state)
  }

  /** The first ejection is always allowed: 10 % of three endpoints would be none. */
  private mayEject(): boolean {
    if (this.ejected === 0) return true
    return (this.ejected + 1) * 100 <= this.policy.maxEjectionPercent * this.options.population()
  }

  private eject(endpoint: Endpoint, state: EndpointState): void {
    const { clock, onEvent } = this.options
    const nowMs = clock.monotonic()
    state.ejections = this.rememberedEjections(state, nowMs) + 1
    const { baseEjectionTimeMs, maxEjectionTimeMs } = this.policy
    const longest = Math.max(maxEjectionTimeMs, baseEjectionTimeMs)
    const forMs = Math.min(baseEjectionTimeMs * state.ejections, longest)
    state.ejectedUntilMs = nowMs + forMs
    state.timer = clock.after(forMs, () => this.giveBack(endpoint, state))
    this.ejected++
    onEvent({ kind: 'ejected', endpoint, forMs, afterErrors: state.errors })
  }

  /** Every interval in which an endpoint was not ejected makes the next ejection shorter by one step. */
  private rememberedEjections(state: EndpointState, nowMs: number): number {
    if (state.ejections === 0) return 0
    const quietIntervals = Math.floor((nowMs - state.returnedMs) / this.policy.intervalMs)
    return Math.max(0, state.ejections - quietIntervals)
  }

  private giveBack(endpoint: Endpoint, state: EndpointState): void {
    this.ejected--
    state.ejectedUntilMs = 0
    state.returnedMs = this.options.clock.monotonic()
    state.errors = 0
    state.gatewayErrors = 0
    state.timer = undefined
    this.options.onEvent({ kind: 'returned', endpoint, forMs: 0, afterErrors: 0 })
  }

  private stateOf(endpoint: Endpoint): EndpointState {
    let state = this.states.get(endpoint)
    if (state === undefined) {
      state = {
        errors: 0,
        gatewayErrors: 0,
        ejections: 0,
        ejectedUntilMs: 0,
        returnedMs: 0,
        timer: undefined,
      }
      this.states.set(endpoint, state)
    }
    return state
  }
}
