/**
 * Snapshots from the control plane: each part is fetched by its ETag when a hint says that it changed. Hints may be
 * lost, so both are also asked for slowly, and at once after the stream of hints was interrupted.
 */
import type { Clock, Random, Timer } from '../../mesh/clock.ts'
import {
  etagOf,
  etagValue,
  HEADER_ENDPOINT,
  HEADER_REPORT,
  type Hint,
  hintSchema,
  type ProxyReport,
  paths,
} from '../../mesh/protocol.ts'
import type { SnapshotConfig, SnapshotEndpoints } from '../../mesh/snapshot.ts'
import { parseSnapshotConfig, parseSnapshotEndpoints } from '../../mesh/snapshot-schema.ts'
import type { Log } from '../telemetry/log.ts'
import { backoffMs } from './backoff.ts'
import type { ConfigSink, ConfigSource } from './config-source.ts'
import { type ControlClient, ControlError } from './control-client.ts'

export interface ControlConfigOptions {
  readonly client: ControlClient
  readonly mesh: string
  readonly workload: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The report that rides on a poll, for proxies that register nowhere; undefined: it goes with the registration. */
  readonly report: () => { readonly endpoint: string; readonly report: ProxyReport } | undefined
}

const POLL_MS = 300_000
/** After a snapshot came, until its report is sent: it has to be put into force first. */
const REPORT_AFTER_MS = 2500
const BACKOFF = { baseMs: 250, maxMs: 15_000 }

export class ControlConfig implements ConfigSource {
  private readonly options: ControlConfigOptions

  constructor(options: ControlConfigOptions) {
    this.options = options
  }

  watch(sink: ConfigSink): () => void {
    const watching = new Watching(this.options, sink)
    watching.poll()
    void watching.listen()
    return () => watching.stop()
  }
}

type PartName = 'config' | 'endpoints'

/** One part as it was fetched last. */
interface Part<T> {
  readonly hash: string
  readonly value: T
}

class Watching {
  private readonly options: ControlConfigOptions
  private readonly sink: ConfigSink
  private readonly stopping = new AbortController()
  private config: Part<SnapshotConfig> | undefined
  private endpoints: Part<SnapshotEndpoints> | undefined
  /** Parts that somebody said changed; fetched together. */
  private readonly wanted = new Set<PartName>()
  private fetching = false
  /** A part changed since the last whole value was offered. */
  private changed = false
  private failures = 0
  private fetchTimer: Timer | undefined
  private pollTimer: Timer | undefined
  private reportTimer: Timer | undefined

  constructor(options: ControlConfigOptions, sink: ConfigSink) {
    this.options = options
    this.sink = sink
  }

  stop(): void {
    this.stopping.abort()
    this.fetchTimer?.cancel()
    this.pollTimer?.cancel()
    this.reportTimer?.cancel()
  }

  /** Asks for both parts now, and again after the poll interval with jitter. */
  poll(): void {
    if (this.stopped) return
    this.want(['config', 'endpoints'], 0)
    this.pollTimer?.cancel()
    const delayMs = POLL_MS * (0.9 + this.options.random.next() * 0.2)
    this.pollTimer = this.options.clock.after(delayMs, () => this.poll())
  }

  /** Keeps the stream of hints open for as long as this lives. */
  async listen(): Promise<void> {
    const { client, mesh, workload, clock, random, log } = this.options
    const path = paths.hints(mesh, workload)
    for (let failures = 0; !this.stopped; ) {
      let opened = false
      let reason = 'it ended'
      try {
        await client.stream(
          path,
          this.stopping.signal,
          () => {
            opened = true
            // Hints of the time without a stream are lost.
            if (failures > 0) this.poll()
          },
          ({ event, data }) => this.hear(event, data),
        )
      } catch (error) {
        reason = (error as Error).message
      }
      if (this.stopped) return
      failures = opened ? 1 : failures + 1
      log.debug({ event: 'hints-interrupted', reason }, `the stream of hints is interrupted: ${reason}`)
      await new Promise<void>(resolve => clock.after(backoffMs(failures, BACKOFF, random), resolve))
    }
  }

  private get stopped(): boolean {
    return this.stopping.signal.aborted
  }

  private hear(event: string, data: string): void {
    if (event !== 'hint') return
    let hint: Hint
    try {
      hint = hintSchema.parse(JSON.parse(data))
    } catch {
      this.options.log.warn({ event: 'hint-unreadable' }, 'the control plane sent a hint that cannot be read')
      return
    }
    const changed: PartName[] = []
    if (hint.config !== undefined && hint.config !== this.config?.hash) changed.push('config')
    if (hint.endpoints !== undefined && hint.endpoints !== this.endpoints?.hash) changed.push('endpoints')
    if (changed.length > 0) this.want(changed, this.options.random.next() * hint.windowMs)
  }

  /** A fetch that is planned already takes what is wanted now along; a sooner one replaces it unless it backs off. */
  private want(parts: readonly PartName[], delayMs: number): void {
    for (const part of parts) this.wanted.add(part)
    if (this.fetching || (this.fetchTimer !== undefined && (this.failures > 0 || delayMs > 0))) return
    this.plan(delayMs)
  }

  private plan(delayMs: number): void {
    this.fetchTimer?.cancel()
    this.fetchTimer = this.options.clock.after(delayMs, () => {
      this.fetchTimer = undefined
      void this.fetch()
    })
  }

  private async fetch(): Promise<void> {
    this.fetching = true
    const parts = [...this.wanted]
    this.wanted.clear()
    const outcomes = await Promise.allSettled(parts.map(part => this.fetchPart(part)))
    this.fetching = false
    if (this.stopped) return
    if (this.changed) this.offer()
    const failed = outcomes.find(outcome => outcome.status === 'rejected')
    if (failed === undefined) this.succeeded()
    else this.failed(parts, failed.reason as Error)
    if (this.wanted.size > 0 && this.fetchTimer === undefined) this.plan(0)
  }

  private async fetchPart(part: PartName): Promise<void> {
    const { client, mesh, workload } = this.options
    const path =
      part === 'config' ? paths.snapshotConfig(mesh, workload) : paths.snapshotEndpoints(mesh, workload)
    const known = this[part]?.hash
    const headers = {
      ...(known === undefined ? {} : { 'if-none-match': etagOf(known) }),
      ...(part === 'config' ? this.reportHeaders() : {}),
    }
    const answer = await client.call({ method: 'GET', path, headers })
    if (answer.status === 304) return
    const hash = etagValue(answer.headers.etag ?? '')
    try {
      const value: unknown = JSON.parse(answer.text)
      if (part === 'config') this.config = { hash, value: parseSnapshotConfig(value) }
      else this.endpoints = { hash, value: parseSnapshotEndpoints(value) }
      this.changed = true
    } catch (error) {
      this.sink.refuse((error as Error).message)
    }
  }

  private reportHeaders(): Record<string, string> {
    const own = this.options.report()
    return own === undefined
      ? {}
      : { [HEADER_ENDPOINT]: own.endpoint, [HEADER_REPORT]: JSON.stringify(own.report) }
  }

  private offer(): void {
    const { config, endpoints } = this
    if (config === undefined || endpoints === undefined) return
    this.changed = false
    this.sink.accept({
      snapshot: { config: config.value, endpoints: endpoints.value },
      configHash: config.hash,
      endpointsHash: endpoints.hash,
    })
    this.reportTimer ??= this.options.clock.after(REPORT_AFTER_MS, () => {
      this.reportTimer = undefined
      if (this.options.report() !== undefined) this.want(['config'], 0)
    })
  }

  private succeeded(): void {
    if (this.failures > 0)
      this.options.log.info({ event: 'control-plane-back' }, 'the control plane answers again')
    this.failures = 0
  }

  private failed(parts: readonly PartName[], error: Error): void {
    for (const part of parts) this.wanted.add(part)
    this.failures++
    const { log, random } = this.options
    const fields = { event: 'snapshot-fetch-failed', failures: this.failures, reason: error.message }
    // Once is enough to say; the proxy goes on with what it has.
    if (this.failures === 1)
      log.warn(fields, `no news from the control plane, what is known stays: ${error.message}`)
    else log.debug(fields, error.message)
    const retryAfterMs = error instanceof ControlError ? error.retryAfterMs : 0
    this.plan(Math.max(retryAfterMs, backoffMs(this.failures, BACKOFF, random)))
  }
}
