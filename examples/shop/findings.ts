/** What the steps found out; each fills in its own part. */
import type { Outcome, Span } from './tally.ts'

export interface Findings {
  weightEnforcedAfterMs: number | undefined
  readonly killSpans: Span[]
  /** Ids of the POSTs that apps received, read when all is over. */
  receipts: ReadonlySet<string>
  ejectedAfterErrors: number | undefined
  denied: { readonly status: number; readonly reason: string } | undefined
  controlPlaneStopped: Span | undefined
  mtls: { readonly protocol: string; readonly peer: string } | undefined
  /** What went wrong beyond the summary's numbers: one sentence each. */
  readonly problems: string[]
}

export const noFindings = (): Findings => ({
  weightEnforcedAfterMs: undefined,
  killSpans: [],
  receipts: new Set(),
  ejectedAfterErrors: undefined,
  denied: undefined,
  controlPlaneStopped: undefined,
  mtls: undefined,
  problems: [],
})

/** The sidecar had begun to hand the request over: reset, garbage, or no answer in time. */
const HANDED_OVER: ReadonlySet<string> = new Set(['UC', 'UPE', 'UT'])

/**
 * Failed POSTs that no app received and that were never handed to one. A sidecar that had already begun to hand a
 * request over says so: what was in a socket's buffer when the app was killed is nobody's to know.
 */
export const lostPosts = (failed: readonly Outcome[], receipts: ReadonlySet<string>): Outcome[] =>
  failed.filter(post => !receipts.has(post.id) && !HANDED_OVER.has(post.flag ?? ''))
