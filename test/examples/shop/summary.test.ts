import { describe, expect, it } from 'vitest'
import { noFindings } from '../../../examples/shop/findings.ts'
import { problemsOf, type Summary, summarise } from '../../../examples/shop/summary.ts'
import { Tally } from '../../../examples/shop/tally.ts'

const good: Summary = {
  requests: 9_000,
  failed: 0,
  split: { 'payments/v1': 1_810, 'payments/v2': 195 },
  betaTesters: { 'payments/v1': 0, 'payments/v2': 800 },
  weightChange: { enforcedAfterMs: 40 },
  instanceKilled: { failed: 0, failedPosts: 0 },
  ejected: { afterErrors: 5 },
  denied: { status: 403, reason: 'no rule allows it' },
  controlPlaneStopped: { requests: 700, failed: 0 },
  mtls: { protocol: 'TLSv1.3', peer: 'spiffe://shop.internal/workload/payments/v1' },
  latency: { p50Ms: 3, p99Ms: 12 },
}

describe('problemsOf', () => {
  it('finds none when all of it held', () => {
    expect(problemsOf(good)).toEqual([])
  })

  const bad: [string, Partial<Summary>, RegExp][] = [
    ['an idempotent request failed', { failed: 1 }, /without success.*1 of 9000/],
    ['nothing was sent', { requests: 0 }, /without success/],
    ['the split is too small', { split: { 'payments/v1': 900, 'payments/v2': 100 } }, /1000.*at least 2000/],
    ['the split is off', { split: { 'payments/v1': 1_720, 'payments/v2': 280 } }, /14\.0 %.*10 %/],
    ['a tester saw v1', { betaTesters: { 'payments/v1': 1, 'payments/v2': 799 } }, /beta testers/],
    ['no tester came', { betaTesters: { 'payments/v1': 0, 'payments/v2': 0 } }, /beta testers/],
    ['the weight change was slow', { weightChange: { enforcedAfterMs: 1_001 } }, /1001 ms/],
    ['the weight change was never seen', { weightChange: { enforcedAfterMs: null } }, /weight change/],
    [
      'a GET failed in a kill',
      { instanceKilled: { failed: 2, failedPosts: 0 } },
      /around the kills: found 2/,
    ],
    ['a POST was lost in a kill', { instanceKilled: { failed: 0, failedPosts: 1 } }, /no app received/],
    ['the kills did not happen', { instanceKilled: { failed: null, failedPosts: null } }, /around the kills/],
    ['nothing was ejected', { ejected: { afterErrors: null } }, /ejection/],
    ['it was ejected too late', { ejected: { afterErrors: 9 } }, /after 9 errors/],
    ['the caller got through', { denied: { status: 200, reason: '' } }, /status 200/],
    ['the refusal gave no reason', { denied: { status: 403, reason: '' } }, /refusal/],
    ['traffic failed without a control plane', { controlPlaneStopped: { requests: 9, failed: 1 } }, /1 of 9/],
    ['no traffic without a control plane', { controlPlaneStopped: { requests: 0, failed: 0 } }, /0 of 0/],
    ['TLS is too old', { mtls: { ...good.mtls, protocol: 'TLSv1.2' } }, /TLSv1\.2/],
    ['the peer has no identity', { mtls: { ...good.mtls, peer: null } }, /SPIFFE/],
    ['nothing was measured', { latency: { p50Ms: null, p99Ms: null } }, /latency/],
  ]
  it.each(bad)('says so when %s', (_, change, sentence) => {
    const problems = problemsOf({ ...good, ...change })
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.join('\n')).toMatch(sentence)
  })
})

describe('summarise', () => {
  it('has exactly the promised keys, also when nothing was found out', () => {
    const keys = (value: object): unknown =>
      Object.fromEntries(
        Object.entries(value).map(([key, each]) => [
          key,
          typeof each === 'object' && each !== null ? keys(each) : true,
        ]),
      )
    expect(keys(summarise(new Tally(), noFindings()))).toEqual(keys(good))
  })
})
