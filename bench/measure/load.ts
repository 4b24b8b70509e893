/** CPU per request, requests per second and latency under a closed loop of keep-alive connections. */
import { cpuSeconds } from '../cpu-time.ts'
import type { Rig } from '../rig.ts'
import type { Sample, Series } from '../row.ts'
import type { RunningSubject, Subject } from '../subject/subject.ts'
import type { LoadWork } from '../works.ts'
import { type BodyKind, urlOf, verifyAnswer } from './answer.ts'
import { type Pace, runRace } from './race.ts'
import { warmUntilSteady } from './warm-up.ts'

export function measureLoad(
  work: LoadWork,
  subjects: readonly Subject[],
  rig: Rig,
  pace: Pace,
): Promise<Series[]> {
  const sample = (running: RunningSubject) =>
    sampleLoad(running, rig, { body: work.body, connections: work.connections, seconds: pace.seconds })
  return runRace(
    {
      work: work.name,
      topology: work.topology,
      rig,
      pace,
      prepare: async (running, name) => {
        await verifyAnswer(running.origin, work.body, rig.backend.port)
        pace.say(`${work.name}: warming ${name}`)
        await warmUntilSteady(async () => (await sample(running)).cpuMicrosPerRequest ?? 0)
      },
      sample,
    },
    subjects,
  )
}

export interface Burst {
  readonly body: BodyKind
  readonly connections: number
  readonly seconds: number
}

/** One run of the load generator. Throws when a single request failed: what was measured then is not the work. */
export async function sampleLoad(running: RunningSubject, rig: Rig, burst: Burst): Promise<Sample> {
  const before = cpuSeconds(running.pids)
  const result = await rig.load.run({
    url: urlOf(running.origin, burst.body),
    connections: burst.connections,
    seconds: burst.seconds,
    cpus: rig.machine.loadCpus,
  })
  const cpu = cpuSeconds(running.pids) - before
  if (result.errors > 0) throw new Error(`${result.errors} of ${result.requests} requests failed`)
  if (result.requests === 0) throw new Error('no request was answered')
  return {
    cpuMicrosPerRequest: (cpu * 1e6) / result.requests,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
  }
}
