/**
 * Whether the app beside this sidecar accepts connections on every port that it answers for. One refusal may be an
 * accident; a few in a row are an app that is gone.
 */
import { connect } from 'node:net'
import type { Clock, Timer } from '../mesh/clock.ts'

const UP_INTERVAL_MS = 2000
/** While it is down or doubtful: an app that comes back should not wait to be noticed. */
const DOWN_INTERVAL_MS = 150
const CONNECT_TIMEOUT_MS = 1000
const FAILURES_UNTIL_DOWN = 3

export interface AppPortStatus {
  /** Actual port of the app. */
  readonly port: number
  readonly up: boolean
  /** Of the last failed try. */
  readonly reason: string | undefined
}

export class AppProbe {
  private readonly address: string
  private readonly clock: Clock
  private readonly changed: () => void
  private readonly ports = new Map<number, PortProbe>()
  private stopped = false

  /** `changed` is called whenever `up` may have changed. */
  constructor(address: string, clock: Clock, changed: () => void) {
    this.address = address
    this.clock = clock
    this.changed = changed
  }

  /** Every port accepts; true as well when there are none. */
  get up(): boolean {
    for (const probe of this.ports.values()) if (!probe.up) return false
    return true
  }

  status(): AppPortStatus[] {
    return [...this.ports.values()].map(({ port, up, reason }) => ({ port, up, reason }))
  }

  /** The ports to look after from now on; who stays keeps its state. */
  watch(ports: Iterable<number>): void {
    // A snapshot that was on its way when the proxy ended must not wake what has gone to rest.
    if (this.stopped) return
    const wanted = new Set(ports)
    for (const [port, probe] of this.ports) {
      if (wanted.has(port)) continue
      probe.stop()
      this.ports.delete(port)
    }
    for (const port of wanted) {
      if (this.ports.has(port)) continue
      const probe = new PortProbe(this.address, port, this.clock, this.changed)
      this.ports.set(port, probe)
      probe.look()
    }
  }

  /** For good. */
  stop(): void {
    this.watch([])
    this.stopped = true
  }
}

class PortProbe {
  readonly port: number
  up = false
  reason: string | undefined
  private readonly address: string
  private readonly clock: Clock
  private readonly changed: () => void
  private failures = 0
  private timer: Timer | undefined
  private stopped = false

  constructor(address: string, port: number, clock: Clock, changed: () => void) {
    this.address = address
    this.port = port
    this.clock = clock
    this.changed = changed
  }

  look(): void {
    tryConnect(this.address, this.port, this.clock, reason => {
      if (this.stopped) return
      this.heard(reason)
      if (this.stopped) return
      const delayMs = this.up && reason === undefined ? UP_INTERVAL_MS : DOWN_INTERVAL_MS
      this.timer = this.clock.after(delayMs, () => this.look())
    })
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  private heard(reason: string | undefined): void {
    const before = this.up
    this.reason = reason
    this.failures = reason === undefined ? 0 : this.failures + 1
    if (reason === undefined) this.up = true
    else if (this.failures >= FAILURES_UNTIL_DOWN) this.up = false
    if (this.up !== before) this.changed()
  }
}

/** Calls back once: undefined when the connection was accepted, else why not. */
export function tryConnect(
  host: string,
  port: number,
  clock: Clock,
  done: (reason: string | undefined) => void,
): void {
  const socket = connect({ host, port })
  const finish = (reason: string | undefined) => {
    timer.cancel()
    socket.removeAllListeners()
    socket.on('error', () => {})
    socket.destroy()
    done(reason)
  }
  const timer = clock.after(CONNECT_TIMEOUT_MS, () =>
    finish(`${host}:${port} does not answer within ${CONNECT_TIMEOUT_MS} ms`),
  )
  socket.on('connect', () => finish(undefined))
  socket.on('error', error => finish(error.message))
}
