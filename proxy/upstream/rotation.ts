/**
 * The endpoints that take requests now, as one outlier detector sees them: the workload's, or that of a route
 * with a policy of its own. The choice is prepared when something changes, not when a request comes.
 */
import type { Clock, Random } from '../../mesh/clock.ts'
import type { OutlierDetection } from '../../mesh/policy/outlier-detection.ts'
import type { Counter } from '../telemetry/metrics.ts'
import { type Candidates, candidatesOf, pickEndpoint } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'
import { type EjectionEvent, OutlierDetector, type Verdict } from './outlier-detection.ts'

export interface RotationOptions {
  readonly clock: Clock
  readonly random: Random
  /** Endpoints of the workload. */
  readonly members: () => Iterable<Endpoint>
  readonly memberCount: () => number
  /** Whether an endpoint is well but for what this rotation's detector says. */
  readonly isWell: (endpoint: Endpoint) => boolean
  readonly panicThresholdPercent: () => number
  /** Counts ends of attempts that were judged. */
  readonly observations: Counter
  /** After an ejection or its end. */
  readonly onEvent: (event: EjectionEvent) => void
}

export class Rotation {
  private readonly options: RotationOptions
  private candidates: Candidates = { endpoints: [], weightSums: undefined }
  private detector: OutlierDetector | undefined

  constructor(options: RotationOptions) {
    this.options = options
  }

  /** Ejections survive a change of thresholds; without a policy everything comes back. */
  setPolicy(policy: OutlierDetection | undefined): void {
    if (policy === undefined || (policy.consecutiveErrors === 0 && policy.consecutiveGatewayErrors === 0)) {
      this.detector?.close()
      this.detector = undefined
    } else if (this.detector === undefined) {
      this.detector = this.newDetector(policy)
    } else {
      this.detector.update(policy)
    }
  }

  /** An endpoint for one attempt, not one of `tried` if there are others; undefined when there is none at all. */
  pick(tried: readonly (Endpoint | undefined)[] | undefined): Endpoint | undefined {
    return pickEndpoint(this.candidates, tried, this.options.random)
  }

  /** Whether ends of attempts are of interest. */
  get detects(): boolean {
    return this.detector !== undefined
  }

  /** What the end of an attempt says about its endpoint. */
  observe(endpoint: Endpoint, verdict: Verdict): void {
    if (this.detector === undefined) return
    this.options.observations.inc()
    this.detector.observe(endpoint, verdict)
  }

  isEjected(endpoint: Endpoint): boolean {
    return this.detector?.isEjected(endpoint) ?? false
  }

  get ejectedCount(): number {
    return this.detector?.ejectedCount ?? 0
  }

  /** Milliseconds until it comes back; 0: it is not ejected. */
  ejectedForMs(endpoint: Endpoint): number {
    const untilMs = this.detector?.ejectedUntilMs(endpoint) ?? 0
    return untilMs === 0 ? 0 : Math.max(0, untilMs - this.options.clock.monotonic())
  }

  forget(endpoint: Endpoint): void {
    this.detector?.forget(endpoint)
  }

  /** Something that the choice depends on has changed. */
  refresh(): void {
    const { members, isWell, panicThresholdPercent } = this.options
    this.candidates = candidatesOf(
      members(),
      endpoint => isWell(endpoint) && !this.isEjected(endpoint),
      panicThresholdPercent(),
    )
  }

  close(): void {
    this.detector?.close()
  }

  private newDetector(policy: OutlierDetection): OutlierDetector {
    const { clock, memberCount, onEvent } = this.options
    return new OutlierDetector({
      clock,
      policy,
      population: memberCount,
      onEvent: event => {
        this.refresh()
        onEvent(event)
      },
    })
  }
}
