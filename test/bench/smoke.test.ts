import { expect, test } from 'vitest'
import { inspectMachine, INSTALL_COMMANDS } from '../../bench/machine.ts'
import { runWorks } from '../../bench/run.ts'
import { selvageSubject } from '../../bench/subject/selvage.ts'
import { peerSubjects } from '../../bench/subject/subjects.ts'
import { WORKS } from '../../bench/works.ts'

const NEEDED = ['wrk', 'haproxy'] as const

function missingTools(): readonly string[] {
  if (process.platform !== 'linux') return ['Linux']
  const { found } = inspectMachine()
  return NEEDED.filter(tool => found[tool] === undefined)
}

test('measures one hop through Selvage and HAProxy when both and wrk are there', { timeout: 120_000 }, async context => {
  const missing = missingTools()
  if (missing.length > 0) {
    const how = NEEDED.map(tool => INSTALL_COMMANDS[tool]).join('; ')
    process.stderr.write(`SKIPPED: the bench's smoke run needs ${missing.join(' and ')} (${how})\n`)
    context.skip(`needs ${missing.join(' and ')}`)
  }
  const machine = inspectMachine()
  const haproxy = (topology: 'one-hop' | 'two-hops') =>
    peerSubjects(machine, topology).filter(({ name }) => name === 'haproxy')
  const rows = await runWorks({
    works: WORKS.filter(({ name }) => name === 'one-hop-8'),
    pace: { rounds: 1, seconds: 1, say: () => {} },
    machine,
    subjects: topology => [selvageSubject(undefined), ...haproxy(topology)],
    onRows: () => {},
  })
  expect(rows.map(({ subject, voidBecause }) => [subject, voidBecause])).toEqual([
    ['selvage', undefined],
    ['haproxy', undefined],
  ])
  const ours = rows[0]!
  expect(ours.cpuMicrosPerRequest).toBeGreaterThan(0)
  expect(ours.requestsPerSecond).toBeGreaterThan(0)
  expect(ours.ratioTo.haproxy).toBeGreaterThan(0)
  expect(ours.proof?.length).toBeGreaterThan(0)
})
