/** How long a subject takes from the start of its process to the first good answer. */
import { monotonicMs } from '../clock.ts'
import type { Rig } from '../rig.ts'
import type { Sample, Series } from '../row.ts'
import type { Subject } from '../subject/subject.ts'
import { verifyAnswer } from './answer.ts'
import { type Pace, siteOf } from './race.ts'

export async function measureStartUp(
  work: string,
  subjects: readonly Subject[],
  rig: Rig,
  pace: Pace,
): Promise<Series[]> {
  const samples = subjects.map((): Sample[] => [])
  const voided = new Map<Subject, string>()
  for (let round = 0; round < pace.rounds; round += 1) {
    pace.say(`${work}: round ${round + 1} of ${pace.rounds}`)
    for (const [index, subject] of subjects.entries()) {
      try {
        samples[index]?.push(await startOnce(work, subject, rig))
      } catch (error) {
        voided.set(subject, error instanceof Error ? error.message : String(error))
      }
    }
  }
  return subjects.map((subject, index) => ({
    subject: subject.name,
    samples: samples[index] ?? [],
    voidBecause: voided.get(subject),
  }))
}

async function startOnce(work: string, subject: Subject, rig: Rig): Promise<Sample> {
  const site = siteOf(work, 'one-hop', subject.name, rig)
  const started = monotonicMs()
  const running = await subject.start(site)
  try {
    await verifyAnswer(running.origin, 'small', rig.backend.port)
    return { readyMs: monotonicMs() - started }
  } finally {
    await running.stop()
  }
}
