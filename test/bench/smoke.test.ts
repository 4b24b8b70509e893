import { expect, test } from 'vitest'
import { INSTALL_COMMANDS, inspectMachine } from '../../bench/machine.ts'
import { runWorks } from '../../bench/run.ts'
import { selvageSubject } from '../../bench/subject/selvage.ts'
import type { Topology } from '../../bench/subject/subject.ts'
import { peerSubjects } from '../../bench/subject/subjects.ts'
import { WORKS } from '../../bench/works.ts'
import { describeWith, rig } from '../support/rig.ts'

// On PATH for everybody: Debian keeps HAProxy in /usr/sbin, which a plain user's PATH leaves out.
process.env.PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin`
const rigs = [rig('wrk', INSTALL_COMMANDS.wrk), rig('haproxy', INSTALL_COMMANDS.haproxy)]

describeWith(rigs, 'a tiny run of the bench', () => {
  test('measures one hop through Selvage and through HAProxy', { timeout: 120_000 }, async () => {
    const machine = inspectMachine()
    const haproxy = (topology: Topology) =>
      peerSubjects(machine, topology).filter(({ name }) => name === 'haproxy')
    const [ours, theirs] = await runWorks({
      works: WORKS.filter(({ name }) => name === 'one-hop-8'),
      pace: { rounds: 1, seconds: 1, say: () => {} },
      machine,
      subjects: topology => [selvageSubject(undefined), ...haproxy(topology)],
      onRows: () => {},
    })
    expect(ours).toMatchObject({ subject: 'selvage', rounds: 1 })
    expect(ours).not.toHaveProperty('voidBecause')
    expect(theirs).toMatchObject({ subject: 'haproxy', rounds: 1 })
    expect(ours?.cpuMicrosPerRequest).toBeGreaterThan(0)
    expect(ours?.requestsPerSecond).toBeGreaterThan(0)
    expect(ours?.ratioTo.haproxy).toBeGreaterThan(0)
    // Warm-up and measurement have taken more than a thousand requests by every policy of one hop.
    for (const proven of ['requests', 'routes matched', 'earned retry budget', 'seen by outlier detection'])
      expect(ours?.proof?.join()).toMatch(new RegExp(`\\d,\\d{3} [^,]*${proven}`))
  })
})
