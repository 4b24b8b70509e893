/**
 * Where endpoints are found. Watch, and get whole values: the last good list stays when the source fails, because
 * an error means that the endpoints are unknown, never that there are none.
 */
import type { Endpoint } from '../../mesh/snapshot.ts'

export interface Discovery {
  /**
   * Calls `changed` with all endpoints of the workload, ordered by id: at once when they are known, and again
   * whenever they are others. While nothing is known it stays silent; an empty list is something known.
   * @returns how to stop watching
   */
  watch(workload: string, changed: (endpoints: readonly Endpoint[]) => void): () => void
}

/** Tells watchers about whole lists, and only about lists that differ from the last one. */
export interface Lists extends Discovery {
  set(workload: string, endpoints: readonly Endpoint[]): void
}

/** What every implementation keeps: the last list by workload, and who watches it. */
export function lists(): Lists {
  const known = new Map<string, { readonly endpoints: readonly Endpoint[]; readonly text: string }>()
  const watchers = new Map<string, Set<(endpoints: readonly Endpoint[]) => void>>()
  return {
    set(workload, endpoints) {
      const sorted = endpoints.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
      const text = JSON.stringify(sorted)
      if (known.get(workload)?.text === text) return
      known.set(workload, { endpoints: sorted, text })
      for (const changed of watchers.get(workload) ?? []) changed(sorted)
    },
    watch(workload, changed) {
      const ours = watchers.get(workload) ?? new Set()
      watchers.set(workload, ours)
      // Watching twice with one function is watching twice.
      const own = (endpoints: readonly Endpoint[]) => changed(endpoints)
      ours.add(own)
      const now = known.get(workload)
      if (now !== undefined) own(now.endpoints)
      return () => {
        ours.delete(own)
        if (ours.size === 0 && watchers.get(workload) === ours) watchers.delete(workload)
      }
    },
  }
}
