import { expect, test } from 'vitest'
import { replaceTables } from '../../bench/page.ts'
import { markdownTable, terminalTable } from '../../bench/print.ts'
import { selfTimes } from '../../bench/profile.ts'
import { parseMetrics, sentence } from '../../bench/proof.ts'
import type { Row } from '../../bench/row.ts'
import { WORKS } from '../../bench/works.ts'

const work = WORKS[0]!
const row = (over: Partial<Row>): Row => ({
  work: work.name,
  subject: 'selvage',
  cpuMicrosPerRequest: 12.345,
  requestsPerSecond: 50_000,
  p50Ms: 1,
  p99Ms: 2,
  ratioTo: { haproxy: 0.954, nginx: null, envoy: null },
  spread: [12, 13.5],
  rounds: 3,
  ...over,
})

test('prints only the columns that somebody has', () => {
  const text = terminalTable(work, [row({})])
  expect(text).toContain('to haproxy')
  expect(text).not.toContain('to envoy')
  expect(text).not.toContain('MiB')
})

test('says why a row is void, and what proves the policies', () => {
  const voided = row({ subject: 'nginx', cpuMicrosPerRequest: null, spread: null, voidBecause: 'it died' })
  const text = markdownTable(work, [row({ proof: ['1,000 routes matched'] }), voided])
  expect(text).toContain('| nginx | – |')
  expect(text).toContain('nginx: void, it died')
  expect(text).toContain('selvage: 1,000 routes matched')
})

test('says when other programs were at work meanwhile', () => {
  expect(terminalTable(work, [row({ coresUsedByOthers: 1.26 })])).toContain('other programs used 1.3 cores')
  expect(terminalTable(work, [row({ coresUsedByOthers: 0.02 })])).not.toContain('other programs')
})

test('replaces the tables of the page and nothing around them', () => {
  const marks = ['<!-- tables: written by npm run bench -- --write -->', '<!-- end of tables -->']
  const page = `before\n${marks[0]}\nold\n${marks[1]}\nafter`
  expect(replaceTables(page, 'new')).toBe(`before\n${marks[0]}\n\nnew\n\n${marks[1]}\nafter`)
  expect(() => replaceTables('no marks', 'new')).toThrow(/docs\/performance.md/)
})

test('adds up self time per function and leaves idle time out', () => {
  const frame = (functionName: string, url = '', lineNumber = -1) => ({ functionName, url, lineNumber })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('parse', 'file:///somewhere/proxy/codec/http1/parser.ts', 9) },
      { id: 3, callFrame: frame('write', 'node:net', 99) },
    ],
    samples: [1, 2, 3, 2],
    timeDeltas: [5000, 1000, 1000, 2000],
  }
  expect(selfTimes(profile)).toEqual([
    { place: 'parse proxy/codec/http1/parser.ts:10', selfMs: 3, share: 0.75 },
    { place: 'write node:net:100', selfMs: 1, share: 0.25 },
  ])
})

test('reads samples of the Prometheus text format, with and without labels', () => {
  const text = '# HELP a x\n# TYPE a counter\na_total{service="p",code="200"} 12\nup 1\n'
  expect(parseMetrics(text)).toEqual([
    { name: 'a_total', labels: 'service="p",code="200"', value: 12 },
    { name: 'up', labels: '', value: 1 },
  ])
})

test('adds counters up over sidecars, and says 0 of what nobody counted', () => {
  const text = sentence([
    { name: 'selvage_requests_total', labels: 'class="2xx"', value: 1000 },
    { name: 'selvage_requests_total', labels: 'class="5xx"', value: 500 },
    { name: 'selvage_requests_totals', labels: '', value: 7 },
  ])
  expect(text).toContain('1,500 requests,')
  expect(text).toContain('0 access checks')
})
