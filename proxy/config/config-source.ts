/** Where snapshots come from: the control API, a file, or memory. Watch → whole value; the last good one wins. */
import type { Snapshot } from '../../mesh/snapshot.ts'

/** A snapshot with the hashes under which the control plane knows its parts. */
export interface VersionedSnapshot {
  readonly snapshot: Snapshot
  readonly configHash: string
  readonly endpointsHash: string
}

export interface ConfigSink {
  /** Takes a whole new value. It was checked by itself; whether it can be enforced is the sink's business. */
  accept(value: VersionedSnapshot): void
  /** Something came that is no snapshot: the last good one stays, and this is why. */
  refuse(reason: string): void
}

export interface ConfigSource {
  /** Calls `sink` until it is stopped. Failures are the source's own to log and to try again. Returns how to stop. */
  watch(sink: ConfigSink): () => void
}
