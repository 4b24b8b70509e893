/**
 * A request body that several attempts may read, each from its beginning, while it still arrives from the client.
 *
 * Bytes are recorded as the first attempt streams, up to `maxBytes`. As long as no more than that has come,
 * another attempt can start over (`replayable`); beyond it the recording is dropped and the body just streams.
 * What is held is bounded by `maxBytes` and one chunk: the client is paused by the slowest cursor once that
 * is full, and always while nobody reads.
 */
import type { BodySink, BodySource } from './body.ts'
import type { Failure } from './failure.ts'
import type { HeaderBlock } from './header-block.ts'
import { Recording } from './recording.ts'

type SourceState =
  | { readonly kind: 'unread' }
  | { readonly kind: 'flowing' }
  | { readonly kind: 'ended'; readonly trailers: HeaderBlock | undefined }
  | { readonly kind: 'broken'; readonly failure: Failure }

export class ReplayBody implements BodySink {
  /** Bytes if known before they are read; every cursor says the same. */
  readonly length: number | undefined
  private readonly source: BodySource
  private readonly maxBytes: number
  private readonly recording = new Recording()
  private readonly cursors = new Set<Cursor>()
  private state: SourceState = { kind: 'unread' }
  /** Everything from the beginning is held, so that an attempt may still start over. */
  private whole = true
  private released = false
  private paused = false

  constructor(source: BodySource, maxBytes: number) {
    this.source = source
    this.length = source.length
    this.maxBytes = maxBytes
  }

  /** Whether one more attempt can have the whole body. */
  get replayable(): boolean {
    return !this.released && this.whole && this.state.kind !== 'broken'
  }

  /** Bytes held now. */
  get heldBytes(): number {
    return this.recording.heldBytes
  }

  /** The body from its beginning, for one attempt. Throws if it is no longer `replayable`. */
  cursor(): BodySource {
    if (!this.replayable) throw new Error('the body can no longer be read from its beginning')
    const cursor = new Cursor(this, this.length)
    this.cursors.add(cursor)
    return cursor
  }

  /**
   * No further attempt will follow. What no cursor needs is freed, and the source is cancelled with the last
   * cursor, or now if there is none. Idempotent.
   */
  release(failure: Failure): void {
    if (this.released) return
    this.released = true
    this.whole = false
    this.afterChange(failure)
  }

  write(chunk: Buffer): boolean {
    if (this.whole && this.recording.heldBytes + chunk.length > this.maxBytes) this.whole = false
    this.dropRead()
    if (this.whole || !this.allCaughtUp()) this.recording.append(chunk)
    else this.recording.skip(chunk.length)
    for (const cursor of this.cursors) cursor.arrived(chunk)
    this.dropRead()
    this.paused = !this.wantsMore()
    return !this.paused
  }

  end(trailers?: HeaderBlock): void {
    this.state = { kind: 'ended', trailers }
    for (const cursor of this.cursors) cursor.pump()
  }

  reset(failure: Failure): void {
    this.state = { kind: 'broken', failure }
    for (const cursor of this.cursors) cursor.pump()
    this.recording.clear()
  }

  /** For cursors: what they read from, and how it stands. */
  get log(): Recording {
    return this.recording
  }

  get sourceState(): SourceState {
    return this.state
  }

  /** For cursors: one began to read, or may go on. */
  wanted(): void {
    if (this.state.kind === 'unread') {
      this.state = { kind: 'flowing' }
      this.source.pipe(this)
    } else if (this.paused && this.wantsMore()) {
      this.paused = false
      this.source.resume()
    }
  }

  /** For cursors: one has read everything, or wants no more. */
  left(cursor: Cursor, failure: Failure | undefined): void {
    this.cursors.delete(cursor)
    if (failure !== undefined) this.afterChange(failure)
  }

  private afterChange(failure: Failure): void {
    this.dropRead()
    const over = this.state.kind === 'ended' || this.state.kind === 'broken'
    if (this.released && this.cursors.size === 0 && !over) this.source.cancel(failure)
    else if (this.state.kind === 'flowing') this.wanted()
  }

  private allCaughtUp(): boolean {
    for (const cursor of this.cursors) if (!cursor.ready) return false
    return true
  }

  /** Somebody reads, and nobody is so far behind that we would have to hold more than we may. */
  private wantsMore(): boolean {
    let ready = 0
    for (const cursor of this.cursors) if (cursor.ready) ready++
    if (ready === 0) return false
    return ready === this.cursors.size || this.recording.heldBytes < this.maxBytes
  }

  private dropRead(): void {
    if (this.whole) return
    let slowest = this.recording.end
    for (const cursor of this.cursors) slowest = Math.min(slowest, cursor.position)
    this.recording.dropBefore(slowest)
  }
}

/** One attempt's view of the body. */
class Cursor implements BodySource {
  readonly length: number | undefined
  /** Bytes given to the sink so far. */
  position = 0
  private readonly body: ReplayBody
  private sink: BodySink | undefined
  private paused = false
  private pumping = false
  private over = false

  constructor(body: ReplayBody, length: number | undefined) {
    this.body = body
    this.length = length
  }

  /** Reads, has read all there is, and takes more. */
  get ready(): boolean {
    return this.sink !== undefined && !this.paused && this.position === this.body.log.end
  }

  pipe(sink: BodySink): void {
    if (this.over) return
    this.sink = sink
    this.pump()
    if (!this.over && !this.paused) this.body.wanted()
  }

  resume(): void {
    if (this.over) return
    this.paused = false
    this.pump()
    if (this.ready) this.body.wanted()
  }

  cancel(failure: Failure): void {
    if (this.over) return
    this.over = true
    this.sink = undefined
    this.body.left(this, failure)
  }

  /** A chunk was read from the source; it may not have been recorded, so who has read all before it gets it now. */
  arrived(chunk: Buffer): void {
    const isNext = this.position === this.body.log.end - chunk.length
    if (isNext && this.sink !== undefined && !this.paused && !this.pumping) {
      this.pumping = true
      this.give(this.sink, chunk)
      this.pumping = false
    }
    this.pump()
  }

  /** Gives what is recorded until the sink pauses, and then the end. */
  pump(): void {
    if (this.pumping || this.sink === undefined) return
    const state = this.body.sourceState
    if (state.kind === 'broken') {
      this.finish().reset(state.failure)
      return
    }
    this.pumping = true
    while (this.sink !== undefined && !this.paused && this.position < this.body.log.end) {
      this.give(this.sink, this.body.log.at(this.position))
    }
    this.pumping = false
    const readAll = this.position === this.body.log.end
    if (this.sink !== undefined && !this.paused && readAll && state.kind === 'ended') {
      this.finish().end(state.trailers)
    }
  }

  private give(sink: BodySink, chunk: Buffer): void {
    this.position += chunk.length
    // Paused before the call, so that a `resume` from within it is not undone by its answer.
    this.paused = true
    if (sink.write(chunk)) this.paused = false
  }

  private finish(): BodySink {
    const sink = this.sink!
    this.over = true
    this.sink = undefined
    this.body.left(this, undefined)
    return sink
  }
}
