/** What the steps found out; each fills in its own part. */
import type { Outcome, Span } from './tally.ts'

export interface Kills {
  failed: number
  /** POSTs that failed though no app received them. */
  lostPosts: number
  /** POSTs that an app had received, or may have, when it was killed: nobody may send them again. */
  interruptedPosts: number
  retriedRequests?: number
}

export interface Findings {
  weightEnforcedAfterMs: number | undefined
  kills: Kills | undefined
  ejectedAfterErrors: number | undefined
  denied: { readonly status: number; readonly reason: string } | undefined
  controlPlaneStopped: Span | undefined
  mtls: { readonly protocol: string; readonly peer: string } | undefined
  /** What went wrong beyond the summary's numbers: one sentence each. */
  readonly problems: string[]
}

export const noFindings = (): Findings => ({
  weightEnforcedAfterMs: undefined,
  kills: undefined,
  ejectedAfterErrors: undefined,
  denied: undefined,
  controlPlaneStopped: undefined,
  mtls: undefined,
  problems: [],
})

/**
 * Failed POSTs that no app received and that were never handed to one. A sidecar that had already begun to hand a
 * request over says so (`upstream-reset`): what was in a socket's buffer when the app was killed is nobody's to know.
 */
export const lostPosts = (failed: readonly Outcome[], receipts: ReadonlySet<string>): Outcome[] =>
  failed.filter(post => !receipts.has(post.id) && !wasHandedOver(post))

const wasHandedOver = (post: Outcome): boolean =>
  /upstream-reset|broke|connection (was )?reset/i.test(post.reason ?? '')
