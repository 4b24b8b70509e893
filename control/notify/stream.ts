/** Hints within one process: each stream that is open subscribes. */
import type { Hint } from '../../mesh/protocol.ts'
import type { Notify } from './notify.ts'

export interface StreamNotify extends Notify {
  /** @returns how to stop; idempotent */
  subscribe(workload: string, receive: (hint: Hint) => void): () => void
  /** Of all workloads. */
  readonly size: number
}

export function streamNotify(): StreamNotify {
  const receivers = new Map<string, Set<(hint: Hint) => void>>()
  let size = 0
  return {
    publish(workload, hint) {
      for (const receive of receivers.get(workload) ?? []) receive(hint)
    },
    listeners: workload => receivers.get(workload)?.size ?? 0,
    subscribe(workload, receive) {
      const ours = receivers.get(workload) ?? new Set()
      receivers.set(workload, ours)
      const own = (hint: Hint) => receive(hint)
      ours.add(own)
      size++
      return () => {
        if (!ours.delete(own)) return
        size--
        if (ours.size === 0 && receivers.get(workload) === ours) receivers.delete(workload)
      }
    },
    get size() {
      return size
    },
  }
}
