/** The endpoints known now, of the workloads that somebody asked for: watched from the first question on. */
import type { Endpoint } from '../../mesh/snapshot.ts'
import type { Discovery } from './discovery.ts'

export interface KnownEndpoints {
  /** Undefined: unknown, which is not empty. */
  of(workload: string): readonly Endpoint[] | undefined
  close(): void
}

/** @param changed called with a workload whose list became another one, not for the first list found at once */
export function knownEndpoints(discovery: Discovery, changed: (workload: string) => void): KnownEndpoints {
  const lists = new Map<string, readonly Endpoint[] | undefined>()
  const stops: (() => void)[] = []

  const watch = (workload: string): void => {
    let watching = false
    lists.set(workload, undefined)
    const stop = discovery.watch(workload, endpoints => {
      lists.set(workload, endpoints)
      if (watching) changed(workload)
    })
    watching = true
    stops.push(stop)
  }

  return {
    of(workload) {
      if (!lists.has(workload)) watch(workload)
      return lists.get(workload)
    },
    close() {
      for (const stop of stops.splice(0)) stop()
    },
  }
}
