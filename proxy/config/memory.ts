import type { Snapshot } from '../../mesh/snapshot.ts'
import type { ConfigSink, ConfigSource } from './config-source.ts'

/** A snapshot that somebody else sets: tests, and programs that bring their own. */
export class MemoryConfig implements ConfigSource {
  private current: Snapshot | undefined
  private version = 0
  private readonly sinks = new Set<ConfigSink>()

  constructor(snapshot?: Snapshot) {
    this.current = snapshot
  }

  set(snapshot: Snapshot): void {
    this.current = snapshot
    this.version++
    for (const sink of this.sinks) this.send(sink, snapshot)
  }

  watch(sink: ConfigSink): () => void {
    this.sinks.add(sink)
    if (this.current !== undefined) this.send(sink, this.current)
    return () => this.sinks.delete(sink)
  }

  private send(sink: ConfigSink, snapshot: Snapshot): void {
    const hash = String(this.version)
    sink.accept({ snapshot, configHash: hash, endpointsHash: hash })
  }
}
