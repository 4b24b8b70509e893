/**
 * Feeds a head parser from chunks: a head that lies in one chunk is read where it lies; otherwise its pieces are
 * gathered, in no more memory than the parser's limits allow and one chunk.
 */
import { type HeadParser, NEED_MORE } from './head-parser.ts'

const FIRST_BYTES = 1024

export class HeadReader {
  /** Where the head lies that `read` completed: valid as long as the chunk that was given. */
  bytes: Buffer = NOTHING
  base = 0
  private readonly parser: HeadParser
  private held: Buffer = NOTHING
  private heldBytes = 0

  constructor(parser: HeadParser) {
    this.parser = parser
  }

  /** Answers the position after the head, `NEED_MORE` (everything was taken) or `REFUSED`. */
  read(chunk: Buffer, from: number, end: number): number {
    if (this.heldBytes > 0) return this.readOn(chunk, from, end)
    const length = this.parser.parse(chunk, from, end)
    if (length === NEED_MORE) this.hold(chunk, from, end)
    if (length < 0) return length
    this.bytes = chunk
    this.base = from
    return from + length
  }

  /** Something of a head is held. */
  get waits(): boolean {
    return this.heldBytes > 0
  }

  private readOn(chunk: Buffer, from: number, end: number): number {
    const before = this.heldBytes
    this.hold(chunk, from, end)
    const length = this.parser.parse(this.held, 0, this.heldBytes)
    if (length === NEED_MORE) return NEED_MORE
    this.bytes = this.held
    this.base = 0
    this.held = NOTHING
    this.heldBytes = 0
    return length < 0 ? length : from + length - before
  }

  private hold(chunk: Buffer, from: number, end: number): void {
    const needed = this.heldBytes + end - from
    if (needed > this.held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed, this.held.length * 2))
      this.held.copy(larger, 0, 0, this.heldBytes)
      this.held = larger
    }
    chunk.copy(this.held, this.heldBytes, from, end)
    this.heldBytes = needed
  }
}

const NOTHING: Buffer = Buffer.alloc(0)
