/**
 * Streams that are over, of which frames may still be under way (RFC 9113 5.1): the last 512, in a table of
 * fixed size.
 */
const SLOTS = 512

export class ClosedStreams {
  /** Twice the stream's number, plus one if we reset it. */
  private readonly slots = new Uint32Array(SLOTS)

  add(streamId: number, resetByUs: boolean): void {
    this.slots[slotOf(streamId)] = streamId * 2 + (resetByUs ? 1 : 0)
  }

  has(streamId: number): boolean {
    return this.slots[slotOf(streamId)]! >>> 1 === streamId
  }

  /** We ended it, and the peer may not know yet: what comes is ignored. */
  wasResetByUs(streamId: number): boolean {
    return this.slots[slotOf(streamId)] === streamId * 2 + 1
  }
}

/** Streams of one side have numbers two apart. */
const slotOf = (streamId: number): number => (streamId >>> 1) % SLOTS
