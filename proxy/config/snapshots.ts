/**
 * The snapshot in force. A new one is applied whole or refused whole; while one is applied only the newest of those
 * that follow waits. The last good one is kept in the state directory, for a start without a control plane.
 */
import { z } from 'zod'
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { Snapshot } from '../../mesh/snapshot.ts'
import { parseSnapshot } from '../../mesh/snapshot-schema.ts'
import type { StateDir } from '../state-dir.ts'
import type { Log } from '../telemetry/log.ts'
import type { ConfigSink, ConfigSource, VersionedSnapshot } from './config-source.ts'

export interface SnapshotsOptions {
  readonly source: ConfigSource
  readonly state: StateDir
  readonly mesh: string
  readonly workload: string
  readonly clock: Clock
  readonly log: Log
  /** Puts a snapshot into force; rejects with an `Error`, and changes nothing, when it cannot. */
  readonly apply: (snapshot: Snapshot) => Promise<void>
  /** A snapshot is in force. */
  readonly applied: () => void
}

/** How long the source may take at start before the kept snapshot stands in. */
const STAND_IN_AFTER_MS = 1000
/** Endpoints come and go in bursts; one write for all of them. */
const KEEP_AFTER_MS = 500

const keptSchema = z.object({
  configHash: z.string(),
  endpointsHash: z.string(),
  keptAt: z.string(),
  snapshot: z.unknown(),
})

export class Snapshots implements ConfigSink {
  /** In force; undefined before the first. */
  current: VersionedSnapshot | undefined
  /** When it came into force, milliseconds since the epoch. */
  appliedAtMs = 0
  /** Why the last one was refused; undefined when the last one is in force. */
  refusal: string | undefined
  private readonly options: SnapshotsOptions
  private next: VersionedSnapshot | undefined
  /** Hash of the configuration that is being applied. */
  private applying: string | undefined
  private standIn: Timer | undefined
  private keepTimer: Timer | undefined
  private stopSource: (() => void) | undefined
  private stopped = false

  constructor(options: SnapshotsOptions) {
    this.options = options
  }

  start(): void {
    this.standIn = this.options.clock.after(STAND_IN_AFTER_MS, () => this.useKept())
    this.stopSource = this.options.source.watch(this)
  }

  /** Resolves when what is in force is kept; what is only on its way comes to nothing. */
  async stop(): Promise<void> {
    this.stopped = true
    this.next = undefined
    this.stopSource?.()
    this.standIn?.cancel()
    if (this.keepTimer === undefined) return
    this.keepTimer.cancel()
    await this.keep()
  }

  accept(value: VersionedSnapshot): void {
    if (this.stopped) return
    this.next = value
    if (this.applying === undefined) void this.applyAll()
    else if (this.applying === value.configHash) this.offerEarly(value)
  }

  /**
   * Only endpoints are others: they take effect at once, because they may be what the configuration under way waits
   * for. In its turn the snapshot is applied again, and counted.
   */
  private offerEarly({ snapshot }: VersionedSnapshot): void {
    this.options.apply(snapshot).catch(() => {})
  }

  refuse(reason: string): void {
    this.refusal = reason.slice(0, 2000)
    this.options.log.error(
      { event: 'snapshot-refused', reason },
      `a snapshot is refused, the last good one stays: ${reason}`,
    )
  }

  private async applyAll(): Promise<void> {
    for (let value = this.take(); value !== undefined; value = this.take()) {
      this.applying = value.configHash
      await this.applyOne(value)
    }
    this.applying = undefined
  }

  private take(): VersionedSnapshot | undefined {
    const value = this.next
    this.next = undefined
    return value
  }

  private async applyOne(value: VersionedSnapshot): Promise<void> {
    const { mesh, workload, apply, clock, log } = this.options
    const { config } = value.snapshot
    try {
      if (config.mesh !== mesh || config.workload !== workload) {
        throw new Error(
          `it is for ${config.workload} of mesh ${config.mesh}, expected ${workload} of mesh ${mesh}`,
        )
      }
      await apply(value.snapshot)
    } catch (error) {
      this.refuse((error as Error).message)
      return
    }
    if (this.stopped) return
    this.standIn?.cancel()
    const newConfig = this.current?.configHash !== value.configHash
    this.current = value
    this.appliedAtMs = clock.now()
    this.refusal = undefined
    const { configHash, endpointsHash } = value
    const fields = { event: 'snapshot', configHash, endpointsHash }
    if (newConfig) log.info(fields, `snapshot ${configHash} is in force`)
    else log.debug(fields, `endpoints ${endpointsHash} are in force`)
    this.keepTimer ??= clock.after(KEEP_AFTER_MS, () => void this.keep())
    this.options.applied()
  }

  private async keep(): Promise<void> {
    this.keepTimer = undefined
    if (this.current === undefined) return
    const keptAt = new Date(this.appliedAtMs).toISOString()
    try {
      await this.options.state.write('snapshot.json', JSON.stringify({ ...this.current, keptAt }))
    } catch (error) {
      const reason = (error as Error).message
      this.options.log.error(
        { event: 'state-not-kept', reason },
        `the snapshot is not kept over a restart: ${reason}`,
      )
    }
  }

  private useKept(): void {
    const { state, log } = this.options
    if (this.current !== undefined || this.applying !== undefined) return
    try {
      const text = state.read('snapshot.json')
      if (text === undefined) return
      const { configHash, endpointsHash, keptAt, snapshot } = keptSchema.parse(JSON.parse(text))
      log.warn(
        { event: 'kept-snapshot', keptAt },
        `no snapshot from the source yet: the one of ${keptAt} stands in`,
      )
      this.accept({ configHash, endpointsHash, snapshot: parseSnapshot(snapshot) })
    } catch (error) {
      const reason =
        error instanceof z.ZodError || error instanceof SyntaxError
          ? 'the file is damaged'
          : (error as Error).message
      log.warn({ event: 'kept-snapshot-unusable', reason }, `the kept snapshot cannot be used: ${reason}`)
    }
  }
}
