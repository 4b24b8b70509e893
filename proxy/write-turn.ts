/**
 * The small writes of one turn of the event loop, made one after the other at its end.
 *
 * A write to a socket whose reader sleeps wakes it, which costs the writer several microseconds (more on a virtual
 * machine, where it leaves the guest). With some work before each write the reader is asleep again each time; of
 * writes made in a row, only the first finds it asleep. Measured with 64 connections and 8 µs of work for each
 * request: 25 instead of 29 µs of CPU. With few connections there is nothing to gather, and the end of the turn
 * costs more than it saves: then writes are made at once.
 */
import { LEASE_BYTES, Lease } from './buffer-lease.ts'
import { flushAtTurnEnd, type Gatherer, turnIsEnding } from './turn.ts'

export interface TurnWriter {
  /** Writes what was kept for it. The chunk lies in the lease of `borrower`; in nobody's, if that is undefined. */
  writeKept(chunk: Buffer, borrower: WriteTurn | undefined): void
}

/** Chunks up to this size are copied and kept; a larger one is worth a write of its own. */
const KEPT_BYTES = 16 * 1024
/** Writes in a turn from which gathering pays, and below which it does not. */
const MANY = 8
const FEW = 4
/** Turns in a row with few writes after which gathering ends. */
const PATIENCE = 16
/** While nothing is gathered, a turn is looked at after so many writes. */
const LOOK_EVERY = 64

export class WriteTurn {
  /** A write that takes longer keeps the lease, and we go on with another (`Borrower`). */
  lease = new Lease()
  /** Whether small writes wait for the end of the turn. */
  gathers = false
  /** Who wrote, and where in the lease each one's bytes end. */
  private readonly writers: TurnWriter[] = []
  private readonly ends: number[] = []
  private length = 0
  private flushing = false
  private writes = 0
  private writesBefore = 0
  private ticking = false
  private quietTurns = 0
  private readonly end: Gatherer = { flush: () => this.turnEnded() }

  /** Counts a write; answers whether it is one to be kept. */
  wants(byteCount: number): boolean {
    this.writes++
    if (turnIsEnding() || this.flushing) return false
    if (!this.ticking && (this.gathers || this.writes % LOOK_EVERY === 0)) this.begin()
    return this.gathers && byteCount <= KEPT_BYTES
  }

  /** Copies the chunk; `writer` gets it back at the end of the turn. */
  keep(writer: TurnWriter, chunk: Buffer): void {
    if (this.length + chunk.length > LEASE_BYTES) this.flush()
    chunk.copy(this.lease.bytes, this.length)
    this.length += chunk.length
    const last = this.writers.length - 1
    if (this.writers[last] === writer) this.ends[last] = this.length
    else {
      this.writers.push(writer)
      this.ends.push(this.length)
    }
  }

  /** Writes everything that is kept, in the order in which it came. */
  flush(): void {
    if (this.writers.length === 0 || this.flushing) return
    this.flushing = true
    const { lease, writers, ends } = this
    let start = 0
    for (let i = 0; i < writers.length; i++) {
      const end = ends[i]!
      writers[i]!.writeKept(lease.bytes.subarray(start, end), this.lease === lease ? this : undefined)
      start = end
    }
    writers.length = 0
    ends.length = 0
    this.length = 0
    this.flushing = false
  }

  private begin(): void {
    this.ticking = true
    this.writesBefore = this.writes
    flushAtTurnEnd(this.end)
  }

  private turnEnded(): void {
    this.ticking = false
    const writes = this.writes - this.writesBefore + 1
    this.quietTurns = writes < FEW ? this.quietTurns + 1 : 0
    if (writes >= MANY) this.gathers = true
    else if (this.quietTurns >= PATIENCE) this.gathers = false
    this.flush()
  }
}

/** The one of this thread. */
export const writeTurn = new WriteTurn()
