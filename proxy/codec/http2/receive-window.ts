/**
 * What the peer may send (RFC 9113 5.2 and 6.9). Bytes that nobody has taken are not credited, so that a reader which
 * pauses is felt by the sender. The window grows while readers keep up, and falls back when they do not.
 */
import { MAX_WINDOW_BYTES } from './protocol.ts'

export class ReceiveWindow {
  /** Bytes that came and were not taken. */
  heldBytes = 0
  /** What the peer may send without another word; below 0 it has broken the rules. */
  private available: number
  private target: number
  private readonly baseBytes: number
  private readonly maxBytes: number
  private readonly carriesOthers: boolean

  /**
   * `carriesOthers`: it is the window of a connection. What one stream holds must not stop the others, so it is
   * credited all the same while that does not add up to more than `maxBytes`.
   */
  constructor(available: number, baseBytes: number, maxBytes: number, carriesOthers: boolean) {
    this.available = available
    this.maxBytes = Math.min(maxBytes, MAX_WINDOW_BYTES)
    this.target = Math.min(baseBytes, this.maxBytes)
    this.baseBytes = this.target
    this.carriesOthers = carriesOthers
  }

  /** What the first WINDOW_UPDATE should add to what every window begins with. */
  open(): number {
    const increment = this.target - this.available
    if (increment <= 0) return 0
    this.available = this.target
    return increment
  }

  /** The peer has learnt of another initial size (RFC 9113 6.9.2). */
  adjust(change: number): void {
    this.available += change
  }

  /** False: the peer has sent more than it may. */
  received(byteCount: number): boolean {
    this.available -= byteCount
    this.heldBytes += byteCount
    // An empty frame needs no window, not even one above zero.
    return byteCount === 0 || this.available >= 0
  }

  taken(byteCount: number): void {
    this.heldBytes -= byteCount
  }

  /** What a WINDOW_UPDATE should add now; 0: it is not worth a frame yet. */
  credit(): number {
    if (this.goal() - this.available < this.target / 2) return 0
    if (this.heldBytes === 0) this.target = Math.min(this.maxBytes, this.target * 2)
    else if (this.heldBytes > this.target / 2) this.target = this.baseBytes
    const increment = this.goal() - this.available
    if (increment <= 0) return 0
    this.available += increment
    return increment
  }

  private goal(): number {
    if (!this.carriesOthers) return this.target - this.heldBytes
    return Math.min(this.maxBytes, this.target + this.heldBytes) - this.heldBytes
  }
}
