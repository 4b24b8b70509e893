/**
 * Turns changes into hints: coalesced, only to workloads that somebody listens for and whose parts really became
 * others, and with a window that spreads the fetches of many.
 */
import type { Clock, Timer } from '../mesh/clock.ts'
import type { Hint } from '../mesh/protocol.ts'
import type { Model } from './model.ts'
import type { Notify } from './notify/notify.ts'
import { slices } from './slices.ts'
import type { SnapshotParts } from './snapshot-parts.ts'

export interface Hints {
  /** The document changed: everybody's parts may be others. */
  documentChanged(): void
  /** The endpoints of a workload changed. */
  endpointsChanged(workload: string): void
  /**
   * What a proxy that has just begun to listen should compare itself with; it may have missed any change before.
   * Undefined: no such workload.
   */
  first(workload: string): Promise<Hint | undefined>
  close(): void
}

export interface HintsOptions {
  readonly notify: Notify
  readonly parts: SnapshotParts
  readonly model: () => Promise<Model>
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** After one round of hints the next begins no sooner; a change in quiet times is told at once. */
const QUIET_MS = 50
/** Proxies that may fetch at once without harm, and what each further one adds to the window. */
const FETCH_AT_ONCE = 50
const WINDOW_MS_PER_PROXY = 0.4
const MAX_WINDOW_MS = 500

/** Milliseconds over which this many proxies spread their fetches. */
export const windowMsFor = (proxies: number): number =>
  proxies <= FETCH_AT_ONCE ? 0 : Math.min(MAX_WINDOW_MS, Math.ceil(proxies * WINDOW_MS_PER_PROXY))

export function hints(options: HintsOptions): Hints {
  const { notify, parts, model, clock, onError } = options
  /** Hashes last told (or asked for) by workload. */
  const told = new Map<string, { config: string; endpoints: string }>()
  let dirty: Set<string> | 'all' | undefined
  let timer: Timer | undefined
  let running = false
  let lastEndMs = Number.NEGATIVE_INFINITY
  let closed = false

  const mark = (workloads: Iterable<string> | 'all'): void => {
    if (closed) return
    if (workloads === 'all' || dirty === 'all') dirty = 'all'
    else {
      dirty ??= new Set()
      for (const workload of workloads) dirty.add(workload)
    }
    schedule()
  }
  const schedule = (): void => {
    if (running || timer !== undefined || dirty === undefined) return
    const waitMs = Math.max(0, lastEndMs + QUIET_MS - clock.monotonic())
    timer = clock.after(waitMs, () => {
      timer = undefined
      round().catch(onError)
    })
  }
  const round = async (): Promise<void> => {
    const concerned = dirty
    dirty = undefined
    running = true
    try {
      if (concerned !== undefined) await tell(concerned)
    } finally {
      running = false
      lastEndMs = clock.monotonic()
      if (!closed) schedule()
    }
  }
  const tell = async (concerned: Set<string> | 'all'): Promise<void> => {
    const now = await model()
    const workloads = concerned === 'all' ? now.mesh.workloads.keys() : concerned
    const listening = [...workloads].filter(workload => notify.listeners(workload) > 0)
    const windowMs = windowMsFor(listening.reduce((sum, each) => sum + notify.listeners(each), 0))
    const breathe = slices(clock)
    for (const workload of listening) {
      if (closed) return
      tellOne(now, workload, windowMs)
      await breathe()
    }
  }
  const tellOne = (now: Model, workload: string, windowMs: number): void => {
    const hashes = hashesOf(now, workload)
    if (hashes === undefined) return
    const before = told.get(workload)
    told.set(workload, hashes)
    const hint: Hint = {
      ...(before?.config !== hashes.config && { config: hashes.config }),
      ...(before?.endpoints !== hashes.endpoints && { endpoints: hashes.endpoints }),
      windowMs,
    }
    if (hint.config !== undefined || hint.endpoints !== undefined) notify.publish(workload, hint)
  }
  const hashesOf = (now: Model, workload: string) => {
    const config = parts.config(now, workload)?.hash
    const endpoints = parts.endpoints(now, workload)?.hash
    return config === undefined || endpoints === undefined ? undefined : { config, endpoints }
  }

  return {
    documentChanged: () => mark('all'),
    endpointsChanged: workload => mark(parts.endpointsChanged(workload)),
    async first(workload) {
      const hashes = hashesOf(await model(), workload)
      if (hashes === undefined) return undefined
      // Others who listen have yet to hear of a change that is waiting for its round.
      if (notify.listeners(workload) <= 1) told.set(workload, hashes)
      return { ...hashes, windowMs: 0 }
    },
    close() {
      closed = true
      timer?.cancel()
    },
  }
}
