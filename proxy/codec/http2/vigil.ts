/**
 * Watches a connection for what does not happen: once a second, by looking at what has moved, so that no frame ever
 * touches a timer.
 */
import type { Clock } from '../../../mesh/clock.ts'
import type { CodecLimits } from '../codec.ts'
import type { Http2Defence, Http2Limits } from './limits.ts'
import { ConnectionError, ErrorCode } from './protocol.ts'
import type { Stream } from './stream.ts'

/** Time between two looks. */
export const LOOK_MS = 1000

/** What floods may cost in this time is forgiven in it. */
const REFILL_MS = 10_000

/** The connection that is watched. */
export interface Watchable {
  readonly openStreams: Iterable<Stream>
  readonly hasStreams: boolean
  /** Units of the protocol that were read, and whether one was begun since. */
  readonly unitsRead: number
  readonly withinUnit: boolean
  /** The transport holds bytes back. */
  readonly isBlocked: boolean
  fail(error: ConnectionError): void
  breakOff(error: Error): void
  defended(defence: Http2Defence): void
  refillBudgets(share: number): void
  sendPing(): void
  /** Nobody has used it for as long as it may be kept. */
  expired(): void
}

export class Vigil {
  /** Bytes came since the last look. */
  heard = false
  private readonly connection: Watchable
  private readonly limits: CodecLimits
  private readonly http2: Http2Limits
  private readonly clock: Clock
  private lookedMs: number
  private awaitsSettings = true
  private settingsMs = 0
  private awaitsPing = false
  private quietMs = 0
  private idleMs = 0
  private unitMs = 0
  private units = 0
  private blockedMs = 0

  constructor(connection: Watchable, limits: CodecLimits, http2: Http2Limits, clock: Clock) {
    this.connection = connection
    this.limits = limits
    this.http2 = http2
    this.clock = clock
    this.lookedMs = clock.monotonic()
  }

  settingsAcknowledged(): void {
    this.awaitsSettings = false
  }

  drained(): void {
    this.blockedMs = 0
  }

  look(): void {
    const nowMs = this.clock.monotonic()
    const elapsedMs = nowMs - this.lookedMs
    this.lookedMs = nowMs
    this.connection.refillBudgets(elapsedMs / REFILL_MS)
    const failure = this.brokenPromise(elapsedMs)
    if (failure !== undefined) this.connection.fail(failure)
    else if (this.isStalled(elapsedMs)) {
      this.connection.defended('write-stall')
      this.connection.breakOff(new Error(`it took no byte for ${this.limits.bodyIdleTimeoutMs} ms`))
    } else if (this.isDead(elapsedMs))
      this.connection.breakOff(new Error(`it did not answer a PING for ${this.http2.pingTimeoutMs} ms`))
    else if (this.isUnused(elapsedMs)) this.connection.expired()
    else this.lookAtStreams(elapsedMs)
  }

  private brokenPromise(elapsedMs: number): ConnectionError | undefined {
    const { settingsTimeoutMs } = this.http2
    if (this.awaitsSettings) this.settingsMs += elapsedMs
    if (this.awaitsSettings && isOver(this.settingsMs, settingsTimeoutMs))
      return new ConnectionError(
        ErrorCode.SETTINGS_TIMEOUT,
        `SETTINGS was not acknowledged in ${settingsTimeoutMs} ms`,
      )
    const { headerTimeoutMs } = this.limits
    const { unitsRead, withinUnit } = this.connection
    this.unitMs = withinUnit && unitsRead === this.units ? this.unitMs + elapsedMs : 0
    this.units = unitsRead
    if (!isOver(this.unitMs, headerTimeoutMs)) return undefined
    this.connection.defended('slow-headers')
    return new ConnectionError(
      ErrorCode.ENHANCE_YOUR_CALM,
      `a frame or header block took longer than ${headerTimeoutMs} ms`,
    )
  }

  private isStalled(elapsedMs: number): boolean {
    this.blockedMs = this.connection.isBlocked ? this.blockedMs + elapsedMs : 0
    return isOver(this.blockedMs, this.limits.bodyIdleTimeoutMs)
  }

  private isDead(elapsedMs: number): boolean {
    const { pingAfterMs, pingTimeoutMs } = this.http2
    const wasHeard = this.heard
    this.heard = false
    if (wasHeard || !this.connection.hasStreams || pingAfterMs === 0) {
      this.quietMs = 0
      this.awaitsPing = false
      return false
    }
    this.quietMs += elapsedMs
    if (this.awaitsPing) return isOver(this.quietMs, pingTimeoutMs)
    if (this.quietMs < pingAfterMs) return false
    this.awaitsPing = true
    this.quietMs = 0
    this.connection.sendPing()
    return false
  }

  private isUnused(elapsedMs: number): boolean {
    this.idleMs = this.connection.hasStreams ? 0 : this.idleMs + elapsedMs
    return isOver(this.idleMs, this.limits.keepAliveTimeoutMs)
  }

  private lookAtStreams(elapsedMs: number): void {
    const late: Stream[] = []
    for (const stream of this.connection.openStreams) {
      const { movedBytes } = stream
      const isStill = movedBytes === stream.seenBytes && stream.awaitsPeer
      stream.seenBytes = movedBytes
      stream.stillMs = isStill ? stream.stillMs + elapsedMs : 0
      if (isOver(stream.stillMs, this.limits.bodyIdleTimeoutMs)) late.push(stream)
    }
    for (const stream of late) {
      this.connection.defended(stream.hasBytes ? 'slow-reader' : 'slow-body')
      stream.tooSlow(this.limits.bodyIdleTimeoutMs)
    }
  }
}

const isOver = (passedMs: number, limitMs: number): boolean => limitMs > 0 && passedMs >= limitMs
