/** Subjects side by side, taking turns in every round; one that fails voids its own row only. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { monotonicMs } from '../clock.ts'
import { machineTime } from '../cpu-time.ts'
import { ROUTE_COUNT } from '../document.ts'
import type { Rig } from '../rig.ts'
import type { Sample, Series } from '../row.ts'
import type { RunningSubject, Site, Subject, Topology } from '../subject/subject.ts'

export interface Pace {
  readonly rounds: number
  readonly seconds: number
  /** Says what is going on; stdout belongs to the results. */
  readonly say: (line: string) => void
}

/** What is done with each subject. */
export interface Race {
  readonly work: string
  readonly topology: Topology
  readonly rig: Rig
  readonly pace: Pace
  /** Once, before the first round, with a subject that has just started. */
  readonly prepare: (running: RunningSubject, name: string) => Promise<void>
  /** Once in each round. */
  readonly sample: (running: RunningSubject) => Promise<Sample>
}

/** A subject in the race, with what was found out about it so far. */
interface Runner {
  readonly subject: Subject
  running: RunningSubject | undefined
  readonly samples: Sample[]
  voidBecause: string | undefined
  proof: string[] | undefined
}

/** Runs all rounds, and stops every subject before it returns. */
export async function runRace(race: Race, subjects: readonly Subject[]): Promise<Series[]> {
  const runners = subjects.map(newRunner)
  let coresUsedByOthers = 0
  try {
    for (const one of runners) {
      await attempt(one, async () => {
        one.running = await one.subject.start(siteOf(race.work, race.topology, one.subject.name, race.rig))
        await race.prepare(one.running, one.subject.name)
      })
    }
    coresUsedByOthers = await runRounds(race, runners)
    for (const one of runners) {
      await attempt(one, async () => {
        one.proof = await one.running?.proof?.()
      })
    }
  } finally {
    await Promise.all(runners.map(one => one.running?.stop()))
  }
  return runners.map(({ subject, samples, voidBecause, proof }) => ({
    subject: subject.name,
    samples,
    voidBecause,
    proof,
    coresUsedByOthers,
  }))
}

const newRunner = (subject: Subject): Runner => ({
  subject,
  running: undefined,
  samples: [],
  voidBecause: undefined,
  proof: undefined,
})

/** Answers how many cores other programs used meanwhile. */
async function runRounds(race: Race, runners: readonly Runner[]): Promise<number> {
  const before = machineTime()
  const beganMs = monotonicMs()
  for (let round = 0; round < race.pace.rounds; round += 1) {
    race.pace.say(`${race.work}: round ${round + 1} of ${race.pace.rounds}`)
    // Each round begins with another subject, so that no one always follows the same neighbour.
    for (let turn = 0; turn < runners.length; turn += 1) {
      const one = runners[(round + turn) % runners.length] as Runner
      await attempt(one, async () => {
        one.samples.push(await race.sample(one.running as RunningSubject))
      })
    }
  }
  const after = machineTime()
  const others = after.all - before.all - (after.own - before.own)
  return Math.max(0, (others * 1000) / (monotonicMs() - beganMs))
}

/** Does a step for a subject that is still in the race; an error takes it out and is kept as the reason. */
async function attempt(one: Runner, step: () => Promise<void>): Promise<void> {
  if (one.voidBecause !== undefined) return
  try {
    await step()
    one.voidBecause = one.running?.died()
  } catch (error) {
    one.voidBecause = one.running?.died() ?? (error instanceof Error ? error.message : String(error))
  }
}

/** Where a subject runs: a directory of its own in the rig. */
export function siteOf(work: string, topology: Topology, subject: string, rig: Rig): Site {
  const directory = join(rig.directory, work, subject)
  mkdirSync(directory, { recursive: true })
  return {
    topology,
    routeCount: ROUTE_COUNT,
    appPort: rig.backend.port,
    certificates: rig.certificates,
    directory,
    cpus: rig.machine.proxyCpus,
  }
}
