/**
 * How proxies hear that something changed. Hints may be lost: a proxy also polls. They carry hashes only, so that
 * nothing secret travels and nothing grows with the mesh.
 */
import type { Hint } from '../../mesh/protocol.ts'

export interface Notify {
  /** Tells every proxy of the workload that listens. Never waits and never throws. */
  publish(workload: string, hint: Hint): void
  /** How many proxies would hear it, as far as is known; 0 spares the work of finding out what to say. */
  listeners(workload: string): number
}
