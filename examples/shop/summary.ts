/** What the demo ends with, and whether all of it held. */
import { type Findings, lostPosts } from './findings.ts'
import { percentile, type Split, shareOfV2, type Tally, total } from './tally.ts'

/** What `--json` prints. `null`: it could not be found out, and the demo failed. */
export interface Summary {
  readonly requests: number
  /** Idempotent requests without success, the deliberate refusal excluded. */
  readonly failed: number
  /** Non-testers, before the weight change. */
  readonly split: Split
  readonly betaTesters: Split
  readonly weightChange: { readonly enforcedAfterMs: number | null }
  readonly instanceKilled: {
    /** Idempotent requests without success, over both kills. */
    readonly failed: number | null
    /** POSTs that failed though no app received them. */
    readonly failedPosts: number | null
  }
  readonly ejected: { readonly afterErrors: number | null }
  readonly denied: { readonly status: number | null; readonly reason: string | null }
  readonly controlPlaneStopped: { readonly requests: number | null; readonly failed: number | null }
  readonly mtls: { readonly protocol: string | null; readonly peer: string | null }
  readonly latency: { readonly p50Ms: number | null; readonly p99Ms: number | null }
}

export function summarise(tally: Tally, findings: Findings): Summary {
  const { killSpans, controlPlaneStopped: stopped } = findings
  // Both kills, the app's and the sidecar's: one alone is half of the story.
  const killed = killSpans.length === KILLS
  return {
    requests: tally.requests,
    failed: tally.failed,
    split: { ...tally.splitBefore },
    betaTesters: { ...tally.betaTesters },
    weightChange: { enforcedAfterMs: rounded(findings.weightEnforcedAfterMs) },
    instanceKilled: {
      failed: killed ? killSpans.reduce((sum, span) => sum + span.failed, 0) : null,
      failedPosts: killed
        ? lostPosts(
            killSpans.flatMap(span => span.failedPosts),
            findings.receipts,
          ).length
        : null,
    },
    ejected: { afterErrors: findings.ejectedAfterErrors ?? null },
    denied: { status: findings.denied?.status ?? null, reason: findings.denied?.reason ?? null },
    controlPlaneStopped: { requests: stopped?.requests ?? null, failed: stopped?.failed ?? null },
    mtls: { protocol: findings.mtls?.protocol ?? null, peer: findings.mtls?.peer ?? null },
    latency: {
      p50Ms: rounded(percentile(tally.latenciesMs, 50)),
      p99Ms: rounded(percentile(tally.latenciesMs, 99)),
    },
  }
}

const rounded = (ms: number | undefined): number | null =>
  ms === undefined || Number.isNaN(ms) ? null : Math.round(ms * 100) / 100

const KILLS = 2
export const LEAST_SPLIT_REQUESTS = 2_000
/** Points that a measured share may be off. */
export const SPLIT_TOLERANCE = 3
export const CANARY_PERCENT = 10
export const SHIFTED_PERCENT = 50
/** The document's `consecutiveErrors`. */
const EJECT_AFTER_ERRORS = 5
const ENFORCED_WITHIN_MS = 1_000

interface Claim {
  readonly what: string
  readonly holds: (summary: Summary) => boolean
  readonly found: (summary: Summary) => string
  readonly expected: string
}

const near = (percent: number, wanted: number): boolean => Math.abs(percent - wanted) <= SPLIT_TOLERANCE

const CLAIMS: readonly Claim[] = [
  {
    what: 'idempotent requests without success',
    holds: s => s.requests > 0 && s.failed === 0,
    found: s => `${s.failed} of ${s.requests} requests`,
    expected: 'none',
  },
  {
    what: 'requests of non-testers before the weight change',
    holds: s => total(s.split) >= LEAST_SPLIT_REQUESTS,
    found: s => String(total(s.split)),
    expected: `at least ${LEAST_SPLIT_REQUESTS}`,
  },
  {
    what: 'share of payments/v2 before the weight change',
    holds: s => near(shareOfV2(s.split), CANARY_PERCENT),
    found: s => `${shareOfV2(s.split).toFixed(1)} %`,
    expected: `${CANARY_PERCENT} % within ${SPLIT_TOLERANCE} points`,
  },
  {
    what: 'beta testers',
    holds: s => s.betaTesters['payments/v2'] > 0 && s.betaTesters['payments/v1'] === 0,
    found: s =>
      `${s.betaTesters['payments/v1']} on payments/v1, ${s.betaTesters['payments/v2']} on payments/v2`,
    expected: 'all on payments/v2',
  },
  {
    what: 'weight change',
    holds: s => (s.weightChange.enforcedAfterMs ?? Number.POSITIVE_INFINITY) <= ENFORCED_WITHIN_MS,
    found: s => `enforced after ${s.weightChange.enforcedAfterMs} ms`,
    expected: `at most ${ENFORCED_WITHIN_MS} ms`,
  },
  {
    what: 'idempotent requests that failed around the kills',
    holds: s => s.instanceKilled.failed === 0,
    found: s => String(s.instanceKilled.failed),
    expected: 'none',
  },
  {
    what: 'POSTs that failed around the kills though no app received them',
    holds: s => s.instanceKilled.failedPosts === 0,
    found: s => String(s.instanceKilled.failedPosts),
    expected: 'none',
  },
  {
    what: 'ejection of the broken endpoint',
    holds: s => s.ejected.afterErrors === EJECT_AFTER_ERRORS,
    found: s => `after ${s.ejected.afterErrors} errors`,
    expected: `after ${EJECT_AFTER_ERRORS}`,
  },
  {
    what: 'refusal of the unauthorised caller',
    holds: s => s.denied.status === 403 && (s.denied.reason ?? '') !== '',
    found: s => `status ${s.denied.status}, reason ${JSON.stringify(s.denied.reason)}`,
    expected: '403 with a reason',
  },
  {
    what: 'traffic without the control plane',
    holds: s => (s.controlPlaneStopped.requests ?? 0) > 0 && s.controlPlaneStopped.failed === 0,
    found: s => `${s.controlPlaneStopped.failed} of ${s.controlPlaneStopped.requests} requests failed`,
    expected: 'requests, and none failed',
  },
  {
    what: 'protocol between sidecars',
    holds: s => s.mtls.protocol === 'TLSv1.3',
    found: s => String(s.mtls.protocol),
    expected: 'TLSv1.3',
  },
  {
    what: 'identity of the peer',
    holds: s => /^spiffe:\/\/[^/]+\/workload\/.+/.test(s.mtls.peer ?? ''),
    found: s => String(s.mtls.peer),
    expected: 'a SPIFFE id',
  },
  {
    what: 'latency',
    holds: s => s.latency.p50Ms !== null && s.latency.p99Ms !== null,
    found: s => `p50 ${s.latency.p50Ms}, p99 ${s.latency.p99Ms}`,
    expected: 'two numbers',
  },
]

/** One sentence for each thing that did not hold; none: all is well. */
export const problemsOf = (summary: Summary): string[] =>
  CLAIMS.filter(claim => !claim.holds(summary)).map(
    claim => `${claim.what}: found ${claim.found(summary)}, expected ${claim.expected}`,
  )

const LEAST_SHIFTED_REQUESTS = 1_000
const SHIFTED_TOLERANCE = 5

/** Whether real traffic followed the weight change; not part of the summary's keys. */
export function shiftProblem(tally: Tally): string[] {
  const requests = total(tally.splitAfter)
  const share = shareOfV2(tally.splitAfter)
  const holds = requests >= LEAST_SHIFTED_REQUESTS && Math.abs(share - SHIFTED_PERCENT) <= SHIFTED_TOLERANCE
  if (holds) return []
  return [
    `share of payments/v2 after the weight change: found ${share.toFixed(1)} % of ${requests} requests, ` +
      `expected ${SHIFTED_PERCENT} % within ${SHIFTED_TOLERANCE} points of at least ${LEAST_SHIFTED_REQUESTS}`,
  ]
}
