/**
 * The body of a message that comes in on a stream. What its reader does not take waits here, bounded by the window
 * that the peer was given; what it takes is credited to the peer.
 */
import type { BodySink, BodySource } from '../../body.ts'
import type { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'

/** The stream behind a body. */
export interface BodyOwner {
  /** Somebody begins to read it. */
  bodyWanted(): void
  /** Bytes were handed over, or dropped because nobody wants them. */
  bodyTaken(byteCount: number): void
  /** Whoever read it wants no more. */
  bodyCancelled(failure: Failure): void
  /** The end was delivered. */
  bodyDelivered(): void
}

/** Small pieces are kept together in blocks of at least this size: a buffer for each would cost more than its bytes. */
const BLOCK_BYTES = 4096

export class IncomingBody implements BodySource {
  readonly length: number | undefined
  /** Bytes that came so far. */
  readBytes = 0
  private readonly owner: BodyOwner
  private sink: BodySink | undefined = undefined
  private piped = false
  private paused = false
  private flowing = false
  /** The end came. */
  private ended = false
  private trailers: HeaderBlock | undefined = undefined
  private over = false
  /** It broke before anybody read it. */
  private brokenBy: Failure | undefined = undefined
  private waiting: Buffer[] = []
  /** Bytes in use of the last block. */
  private lastLength = 0

  constructor(owner: BodyOwner, length: number | undefined) {
    this.owner = owner
    this.length = length
  }

  /** Somebody waits for bytes. */
  get isAwaited(): boolean {
    return this.piped && !this.paused && !this.over && !this.ended
  }

  pipe(sink: BodySink): void {
    if (this.brokenBy !== undefined) sink.reset(this.brokenBy)
    if (this.over) return
    this.piped = true
    this.sink = sink
    this.owner.bodyWanted()
    this.flow()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.flow()
  }

  cancel(failure: Failure): void {
    if (this.over) return
    this.close()
    this.owner.bodyCancelled(failure)
  }

  /** For the stream: bytes of the body, valid during the call. */
  give(chunk: Buffer): void {
    this.readBytes += chunk.length
    if (this.over) this.owner.bodyTaken(chunk.length)
    else if (this.piped && !this.paused && this.waiting.length === 0) this.hand(chunk)
    else this.keep(chunk)
  }

  /** For the stream: all bytes came. */
  end(trailers: HeaderBlock | undefined): void {
    this.ended = true
    this.trailers = trailers
    this.flow()
  }

  /** For the stream: the rest will never come. */
  break(failure: Failure): void {
    if (this.over) return
    const { sink } = this
    if (sink === undefined) this.brokenBy = failure
    this.close()
    sink?.reset(failure)
  }

  /** Hands over what waits, and the end behind it. */
  private flow(): void {
    if (this.flowing || this.sink === undefined) return
    this.flowing = true
    while (!this.paused && this.waiting.length > 0) {
      const isLast = this.waiting.length === 1
      const block = this.waiting.shift()!
      this.hand(isLast ? block.subarray(0, this.lastLength) : block)
    }
    this.flowing = false
    if (!this.ended || this.paused || this.over) return
    const { sink, trailers } = this
    this.over = true
    this.sink = undefined
    sink?.end(trailers)
    this.owner.bodyDelivered()
  }

  private hand(chunk: Buffer): void {
    // Set before the call, so that a `resume` from within it is not undone by its answer.
    this.paused = true
    if (this.sink?.write(chunk) === true) this.paused = false
    this.owner.bodyTaken(chunk.length)
  }

  private keep(chunk: Buffer): void {
    const last = this.waiting.at(-1)
    if (last !== undefined && last.length - this.lastLength >= chunk.length) {
      this.lastLength += chunk.copy(last, this.lastLength)
      return
    }
    if (last !== undefined) this.waiting[this.waiting.length - 1] = last.subarray(0, this.lastLength)
    // The first block is what it is: most bodies are one chunk.
    const block = Buffer.allocUnsafe(last === undefined ? chunk.length : Math.max(chunk.length, BLOCK_BYTES))
    this.lastLength = chunk.copy(block)
    this.waiting.push(block)
  }

  private close(): void {
    this.over = true
    this.sink = undefined
    let dropped = 0
    for (const block of this.waiting) dropped += block.length
    if (this.waiting.length > 0) dropped += this.lastLength - this.waiting.at(-1)!.length
    this.waiting = []
    if (dropped > 0) this.owner.bodyTaken(dropped)
  }
}
