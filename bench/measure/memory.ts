/** Resident memory of a subject: before any request, under load, and with bodies of 10 MB. */
import { residentMiB } from '../cpu-time.ts'
import type { Rig } from '../rig.ts'
import type { Sample, Series } from '../row.ts'
import type { RunningSubject, Subject } from '../subject/subject.ts'
import { verifyAnswer } from './answer.ts'
import { sampleLoad } from './load.ts'
import { type Pace, runRace } from './race.ts'

const BUSY_CONNECTIONS = 64
const LARGE_BODY_CONNECTIONS = 8

export function measureMemory(
  work: string,
  subjects: readonly Subject[],
  rig: Rig,
  pace: Pace,
): Promise<Series[]> {
  const idle = new Map<RunningSubject, number>()
  const sample = async (running: RunningSubject): Promise<Sample> => {
    await sampleLoad(running, rig, { body: 'small', connections: BUSY_CONNECTIONS, seconds: pace.seconds })
    const busyMiB = residentMiB(running.pids)
    await sampleLoad(running, rig, {
      body: 'huge',
      connections: LARGE_BODY_CONNECTIONS,
      seconds: pace.seconds,
    })
    return { idleMiB: idle.get(running) as number, busyMiB, largeBodiesMiB: residentMiB(running.pids) }
  }
  return runRace(
    {
      work,
      topology: 'one-hop',
      rig,
      pace,
      prepare: async running => {
        idle.set(running, residentMiB(running.pids))
        await verifyAnswer(running.origin, 'huge', rig.backend.port)
      },
      sample,
    },
    subjects,
  )
}
