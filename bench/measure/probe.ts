/** Parts of the sidecar alone: a script that prints the CPU microseconds of one call, once for each round. */
import { join } from 'node:path'
import { startChild } from '../children.ts'
import type { Rig } from '../rig.ts'
import type { Series } from '../row.ts'
import type { ProbeWork } from '../works.ts'
import type { Pace } from './race.ts'

const TIMEOUT_MS = 120_000

export async function measureProbe(work: ProbeWork, rig: Rig, pace: Pace): Promise<Series[]> {
  const [file, ...args] = work.script
  pace.say(`${work.name}: ${pace.rounds} rounds`)
  let output = ''
  const child = await startChild({
    name: work.name,
    command: process.execPath,
    args: [join(import.meta.dirname, '..', 'probe', file), String(pace.rounds), ...args],
    cpus: rig.machine.proxyCpus,
    onStdout: chunk => {
      output += chunk
    },
  })
  const hang = setTimeout(() => child.stop('SIGKILL'), TIMEOUT_MS)
  const end = await child.gone
  clearTimeout(hang)
  if (end !== 'exit code 0') {
    return [{ subject: 'selvage', samples: [], voidBecause: `${end}: ${child.complaints()}` }]
  }
  const microsPerCall = JSON.parse(output) as number[]
  return [
    { subject: 'selvage', samples: microsPerCall.map(cpuMicrosPerRequest => ({ cpuMicrosPerRequest })) },
  ]
}
