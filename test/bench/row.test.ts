import { expect, test } from 'vitest'
import { toRows } from '../../bench/row.ts'

const comparison = {
  work: 'two-hops-64',
  main: 'cpuMicrosPerRequest',
  references: { haproxy: 'haproxy-h2', nginx: 'nginx', envoy: 'envoy' },
} as const

const sample = (cpuMicrosPerRequest: number) => ({
  cpuMicrosPerRequest,
  requestsPerSecond: 1e6 / cpuMicrosPerRequest,
  p50Ms: 1,
  p99Ms: 2,
})

test('gives one row per subject with medians, spread and number of rounds', () => {
  const [row] = toRows(comparison, [{ subject: 'selvage', samples: [20, 10, 40].map(sample) }])
  expect(row).toEqual({
    work: 'two-hops-64',
    subject: 'selvage',
    cpuMicrosPerRequest: 20,
    requestsPerSecond: 50_000,
    p50Ms: 1,
    p99Ms: 2,
    ratioTo: { haproxy: null, nginx: null, envoy: null },
    spread: [10, 40],
    rounds: 3,
  })
})

test('compares with HAProxy over HTTP/2 in two hops, not over HTTP/1.1', () => {
  const rows = toRows(comparison, [
    { subject: 'selvage', samples: [10, 100].map(sample) },
    { subject: 'haproxy-h1', samples: [2, 20].map(sample) },
    { subject: 'haproxy-h2', samples: [20, 200].map(sample) },
  ])
  expect(rows[0]?.ratioTo.haproxy).toBe(0.5)
  expect(rows[1]?.ratioTo.haproxy).toBe(0.1)
  expect(rows[2]?.ratioTo.haproxy).toBe(1)
})

test('shows no figure of a void subject, and compares nobody with it', () => {
  const rows = toRows(comparison, [
    { subject: 'selvage', samples: [sample(10)] },
    { subject: 'nginx', samples: [sample(20)], voidBecause: '3 of 9 requests failed' },
  ])
  expect(rows[0]?.ratioTo.nginx).toBeNull()
  expect(rows[1]).toMatchObject({
    cpuMicrosPerRequest: null,
    requestsPerSecond: null,
    p99Ms: null,
    ratioTo: { haproxy: null, nginx: null, envoy: null },
    spread: null,
    rounds: 0,
    voidBecause: '3 of 9 requests failed',
  })
})

test('compares works of another figure by that figure', () => {
  const rows = toRows({ ...comparison, main: 'readyMs' }, [
    { subject: 'selvage', samples: [{ readyMs: 100 }] },
    { subject: 'envoy', samples: [{ readyMs: 400 }] },
  ])
  expect(rows[0]).toMatchObject({ readyMs: 100, ratioTo: { envoy: 0.25 }, cpuMicrosPerRequest: null })
})
