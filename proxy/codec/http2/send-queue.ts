/**
 * Who sends bodies next (RFC 9113 5.2): as much as the connection's window and the transport take. One who is alone
 * sends at once; several take turns, a frame each.
 */
import type { FloodGuard } from './flood-guard.ts'
import type { FrameWriter } from './frame-writer.ts'
import { DEFAULT_WINDOW_BYTES, MAX_FRAME_BYTES, MAX_WINDOW_BYTES } from './protocol.ts'

/** A stream as far as it sends. */
export interface Sender {
  readonly id: number
  sendWindow: number
  /** In the queue. */
  queued: boolean
  /** Bytes wait to be sent. */
  readonly hasBytes: boolean
  /** Its turn: sends one frame, or what else it waited for. True: it wants another turn. */
  sendNext(): boolean
}

export class SendQueue {
  /** What the peer takes on the connection. */
  private window = DEFAULT_WINDOW_BYTES
  private readonly writer: FrameWriter
  private readonly guard: FloodGuard
  private senders: Sender[] = []
  private pumping = false

  constructor(writer: FrameWriter, guard: FloodGuard) {
    this.writer = writer
    this.guard = guard
  }

  /** A chunk that was sent as a whole may be followed by another at once. */
  get takesMore(): boolean {
    return this.senders.length === 0 && !this.writer.blocked
  }

  /** Sends from `bytes` what it can, unless others wait; answers the position up to which it got. */
  send(sender: Sender, bytes: Buffer): number {
    if (this.senders.length > 0) return 0
    let at = 0
    while (at < bytes.length) {
      const next = this.sendFrame(sender, bytes, at)
      if (next === at) return at
      at = next
    }
    return at
  }

  /** Sends one frame of `bytes` from a position on; answers the position behind it. */
  sendFrame(sender: Sender, bytes: Buffer, from: number): number {
    const size = Math.min(bytes.length - from, MAX_FRAME_BYTES, sender.sendWindow, this.window)
    if (size <= 0 || this.writer.blocked) return from
    sender.sendWindow -= size
    this.window -= size
    this.writer.data(sender.id, bytes, from, from + size)
    this.guard.dataSent()
    return from + size
  }

  add(sender: Sender): void {
    if (sender.queued) return
    sender.queued = true
    this.senders.push(sender)
  }

  /** The peer takes more on the connection. False: more than a window can be (RFC 9113 6.9.1). */
  grow(increment: number): boolean {
    this.window += increment
    if (this.window > MAX_WINDOW_BYTES) return false
    this.pump()
    return true
  }

  /** Lets everybody go on who can. */
  pump(): void {
    if (this.pumping) return
    this.pumping = true
    while (this.senders.length > 0 && !this.writer.blocked) {
      const sender = this.senders[0]!
      if (sender.hasBytes && sender.sendWindow > 0 && this.window <= 0) break
      this.senders.shift()
      sender.queued = false
      // Who waits for a window of its own comes back with it.
      if (sender.hasBytes && sender.sendWindow <= 0) continue
      if (sender.sendNext()) this.add(sender)
    }
    this.pumping = false
  }
}
