/** What proxies last said about themselves: in memory, because every renewal says it again. */
import type { Clock } from '../mesh/clock.ts'
import type { ProxyReport } from '../mesh/protocol.ts'

export interface KeptReport {
  readonly report: ProxyReport
  readonly atMs: number
}

export interface Reports {
  save(workload: string, id: string, report: ProxyReport): void
  /** By endpoint id; what is older than ten minutes is left out. */
  of(workload: string): ReadonlyMap<string, KeptReport>
  drop(workload: string, id: string): void
}

const MAX_AGE_MS = 600_000
/** A workload that invents ids pushes out its own reports only. */
const MAX_PER_WORKLOAD = 2000

export function reports(clock: Clock): Reports {
  const kept = new Map<string, Map<string, KeptReport>>()
  const prune = (ofWorkload: Map<string, KeptReport>): void => {
    // In order of saving: the first that is young ends the search.
    for (const [id, { atMs }] of ofWorkload) {
      if (ofWorkload.size <= MAX_PER_WORKLOAD && atMs + MAX_AGE_MS > clock.now()) break
      ofWorkload.delete(id)
    }
  }
  return {
    save(workload, id, report) {
      const ofWorkload = kept.get(workload) ?? new Map<string, KeptReport>()
      kept.set(workload, ofWorkload)
      ofWorkload.delete(id)
      ofWorkload.set(id, { report, atMs: clock.now() })
      prune(ofWorkload)
    },
    of(workload) {
      const ofWorkload = kept.get(workload)
      if (ofWorkload === undefined) return new Map()
      prune(ofWorkload)
      return ofWorkload
    },
    drop(workload, id) {
      kept.get(workload)?.delete(id)
    },
  }
}
