/**
 * Frames that cost the peer nothing and us something (CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671). Each
 * kind has a budget. Real work pays into it: bodies, requests, streams that run to their end. So nobody who works is
 * ever stopped, however fast, and no clock is read.
 */
import type { Http2Defence, Http2Limits } from './limits.ts'
import { ConnectionError, ErrorCode } from './protocol.ts'

export type FloodKind = 'ping' | 'priority' | 'window-update' | 'empty-data' | 'unknown-frame'

/** What a DATA frame of ours gives back: the peer may answer it on the stream and on the connection, generously. */
const UPDATES_PER_DATA = 8

export class FloodGuard {
  private readonly limits: Http2Limits
  private readonly onDefence: (defence: Http2Defence) => void
  private readonly left: Record<FloodKind, number>
  private resets: number
  private settings: number

  constructor(limits: Http2Limits, onDefence: (defence: Http2Defence) => void) {
    this.limits = limits
    this.onDefence = onDefence
    const { maxIdleFrames, maxResets, maxSettings } = limits
    this.left = {
      ping: maxIdleFrames,
      priority: maxIdleFrames,
      'window-update': maxIdleFrames,
      'empty-data': maxIdleFrames,
      'unknown-frame': maxIdleFrames,
    }
    this.resets = maxResets
    this.settings = maxSettings
  }

  /** Throws a `ConnectionError` when it is one too many. */
  idleFrame(kind: FloodKind): void {
    if (--this.left[kind] < 0) this.refuse(`${kind}-flood`, `too many ${kind} frames`)
  }

  /** The peer reset a stream, or made us reset it (by breaking its rules), before it had run to its end. */
  streamReset(): void {
    if (--this.resets < 0) this.refuse('rapid-reset', 'too many streams were reset')
  }

  settingsFrame(): void {
    if (--this.settings < 0) this.refuse('settings-flood', 'too many SETTINGS frames')
  }

  /** A message began, or bytes of one came. */
  messageFrame(): void {
    const { left } = this
    const most = this.limits.maxIdleFrames
    if (left.ping < most) left.ping++
    if (left.priority < most) left.priority++
    if (left['empty-data'] < most) left['empty-data']++
    if (left['unknown-frame'] < most) left['unknown-frame']++
    if (left['window-update'] < most) left['window-update'] += 2
  }

  /** We sent a DATA frame. */
  dataSent(): void {
    const { left } = this
    if (left['window-update'] < this.limits.maxIdleFrames) left['window-update'] += UPDATES_PER_DATA
    if (left.ping < this.limits.maxIdleFrames) left.ping++
  }

  /** A stream ran to its end. */
  streamCompleted(): void {
    if (this.resets < this.limits.maxResets) this.resets++
  }

  /** Time passed: what honest peers do at leisure is forgiven. `share`: of ten seconds. */
  refill(share: number): void {
    const { maxIdleFrames, maxResets, maxSettings } = this.limits
    for (const kind of Object.keys(this.left) as FloodKind[]) {
      this.left[kind] = Math.min(maxIdleFrames, this.left[kind] + maxIdleFrames * share)
    }
    this.resets = Math.min(maxResets, this.resets + maxResets * share)
    this.settings = Math.min(maxSettings, this.settings + maxSettings * share)
  }

  refuse(defence: Http2Defence, reason: string): never {
    this.onDefence(defence)
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, reason)
  }
}
