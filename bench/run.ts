/** Runs the chosen works one after the other and prints each as soon as it is done. */
import type { Machine } from './machine.ts'
import { measureIdle } from './measure/idle.ts'
import { measureLoad } from './measure/load.ts'
import { measureMemory } from './measure/memory.ts'
import { measureProbe } from './measure/probe.ts'
import type { Pace } from './measure/race.ts'
import { measureStartUp } from './measure/start-up.ts'
import { type Rig, startRig } from './rig.ts'
import { type Row, type Series, toRows } from './row.ts'
import type { Subject, Topology } from './subject/subject.ts'
import { REFERENCES } from './subject/subjects.ts'
import type { Work } from './works.ts'

export interface Run {
  readonly works: readonly Work[]
  readonly pace: Pace
  readonly machine: Machine
  /** Who takes part. */
  readonly subjects: (topology: Topology) => readonly Subject[]
  /** Called with the rows of each work. */
  readonly onRows: (work: Work, rows: readonly Row[]) => void
}

/** Sets up the rig, measures, takes the rig down. */
export async function runWorks(run: Run): Promise<Row[]> {
  const rig = await startRig(run.machine)
  const all: Row[] = []
  try {
    for (const work of run.works) {
      const topology = work.kind === 'load' ? work.topology : 'one-hop'
      const series = await measure(work, run.subjects(topology), rig, run.pace)
      const rows = toRows({ work: work.name, main: work.main, references: REFERENCES[topology] }, series)
      run.onRows(work, rows)
      all.push(...rows)
    }
  } finally {
    await rig.stop()
  }
  return all
}

function measure(work: Work, subjects: readonly Subject[], rig: Rig, pace: Pace): Promise<Series[]> {
  switch (work.kind) {
    case 'load':
      return measureLoad(work, subjects, rig, pace)
    case 'probe':
      return measureProbe(work, rig, pace)
    case 'start-up':
      return measureStartUp(work.name, subjects, rig, pace)
    case 'memory':
      return measureMemory(work.name, subjects, rig, pace)
    case 'idle':
      return measureIdle(work, subjects, rig, pace)
  }
}

/** An upper bound for the whole run: nothing that takes longer is still measuring. */
export function longestRunMs(works: readonly Work[], pace: Pick<Pace, 'rounds' | 'seconds'>): number {
  const SUBJECTS = 6
  const OVERHEAD_SECONDS = 20
  const perWork = SUBJECTS * (pace.rounds + 6) * (2 * pace.seconds + OVERHEAD_SECONDS)
  return works.length * perWork * 1000
}
