/** What became of every request: counted once, looked at from several sides. */

export type Version = 'payments/v1' | 'payments/v2'
export type Split = Record<Version, number>

export const noSplit = (): Split => ({ 'payments/v1': 0, 'payments/v2': 0 })

/** One request of the generator, when it is over. */
export interface Outcome {
  readonly id: string
  readonly method: string
  readonly betaTester: boolean
  readonly startedMs: number
  readonly endedMs: number
  /** 0: no answer at all. */
  readonly status: number
  /** Who answered in the end: the app itself says so. */
  readonly servedBy: { readonly version: Version; readonly instance: string } | undefined
  /** What was said instead of an answer. */
  readonly reason: string | undefined
  /** Response flag of the sidecar that said it; undefined: an app's own words. */
  readonly flag: string | undefined
}

export const succeeded = (outcome: Outcome): boolean => outcome.status >= 200 && outcome.status < 300

/** RFC 9110, 9.2.2; of the methods that the demo uses. */
export const isIdempotent = (method: string): boolean => method !== 'POST'

/** A stretch of time, and every request that touched it. */
export interface Span {
  readonly fromMs: number
  toMs: number
  requests: number
  /** Idempotent requests without success. */
  failed: number
  readonly failedPosts: Outcome[]
}

/** One second of traffic, for the screen. */
export interface Second {
  requests: number
  /** Of whatever method. */
  failed: number
  failedPosts: number
  readonly split: Split
  readonly latenciesMs: number[]
}

/** In percent; NaN without requests. */
export const succeededShare = (second: Second): number =>
  (100 * (second.requests - second.failed)) / second.requests

export const noSecond = (): Second => ({
  requests: 0,
  failed: 0,
  failedPosts: 0,
  split: noSplit(),
  latenciesMs: [],
})

export class Tally {
  requests = 0
  /** Idempotent requests without success. */
  failed = 0
  failedPosts = 0
  readonly failures: Outcome[] = []
  /** Non-testers before the weight changed and since it was enforced; what was under way in between is in neither. */
  readonly splitBefore = noSplit()
  readonly splitAfter = noSplit()
  readonly betaTesters = noSplit()
  readonly latenciesMs: number[] = []
  readonly byInstance = new Map<string, number>()
  /** When the latest request began that an instance answered. */
  readonly latestByInstance = new Map<string, number>()
  private weightChange = { fromMs: Number.POSITIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }
  private readonly spans: Span[] = []
  private second = noSecond()

  record(outcome: Outcome): void {
    const latencyMs = outcome.endedMs - outcome.startedMs
    const ok = succeeded(outcome)
    this.requests++
    this.latenciesMs.push(latencyMs)
    this.second.requests++
    this.second.latenciesMs.push(latencyMs)
    if (!ok) this.recordFailure(outcome)
    this.recordAnswer(outcome)
    for (const span of this.spans) {
      if (outcome.endedMs >= span.fromMs && outcome.startedMs <= span.toMs) recordInSpan(span, outcome)
    }
  }

  /** Begins a span; it ends with `close`. */
  open(nowMs: number): Span {
    const span = { fromMs: nowMs, toMs: Number.POSITIVE_INFINITY, requests: 0, failed: 0, failedPosts: [] }
    this.spans.push(span)
    return span
  }

  close(span: Span, nowMs: number): void {
    span.toMs = nowMs
  }

  weightChanging(nowMs: number): void {
    this.weightChange.fromMs = nowMs
  }

  weightChanged(nowMs: number): void {
    this.weightChange.toMs = nowMs
  }

  /** The last second, which begins anew. */
  takeSecond(): Second {
    const second = this.second
    this.second = noSecond()
    return second
  }

  private recordFailure(outcome: Outcome): void {
    this.second.failed++
    this.failures.push(outcome)
    if (isIdempotent(outcome.method)) {
      this.failed++
      return
    }
    this.failedPosts++
    this.second.failedPosts++
  }

  private recordAnswer(outcome: Outcome): void {
    const served = outcome.servedBy
    if (served === undefined) return
    this.byInstance.set(served.instance, (this.byInstance.get(served.instance) ?? 0) + 1)
    const latestMs = this.latestByInstance.get(served.instance) ?? 0
    this.latestByInstance.set(served.instance, Math.max(latestMs, outcome.startedMs))
    if (outcome.betaTester) {
      this.betaTesters[served.version]++
      return
    }
    this.second.split[served.version]++
    if (outcome.endedMs < this.weightChange.fromMs) this.splitBefore[served.version]++
    if (outcome.startedMs > this.weightChange.toMs) this.splitAfter[served.version]++
  }
}

function recordInSpan(span: Span, outcome: Outcome): void {
  span.requests++
  if (succeeded(outcome)) return
  if (isIdempotent(outcome.method)) span.failed++
  else span.failedPosts.push(outcome)
}

export const total = (split: Split): number => split['payments/v1'] + split['payments/v2']

/** Share of v2 in percent; NaN without requests. */
export const shareOfV2 = (split: Split): number => (100 * split['payments/v2']) / total(split)

/** The value below which `percent` of the values lie (nearest rank); NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!
}
