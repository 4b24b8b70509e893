/** The body of a message that is being read, as the filters see it. The connection feeds it while it is not blocked. */
import type { BodySink, BodySource } from '../../body.ts'
import type { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'

/** The connection behind a body. */
export interface BodyOwner {
  /** The body takes bytes now: it was piped, or it was resumed. */
  bodyWanted(): void
  /** Whoever read the body wants no more of it. */
  bodyCancelled(failure: Failure): void
  /** The end was delivered. */
  bodyDelivered(): void
}

export class IncomingBody implements BodySource {
  readonly length: number | undefined
  /** Bytes read so far. */
  readBytes = 0
  /** The trailers, once the end was read. */
  trailers: HeaderBlock | undefined = undefined
  private readonly owner: BodyOwner
  private sink: BodySink | undefined = undefined
  private piped = false
  private paused = false
  /** The end was read, but its reader has not asked for it yet. */
  private endWaits = false
  private over = false
  /** It broke before anybody read it. */
  private brokenBy: Failure | undefined = undefined

  constructor(owner: BodyOwner, length: number | undefined) {
    this.owner = owner
    this.length = length
  }

  /** Nobody takes bytes at the moment. */
  get blocked(): boolean {
    return !this.over && (this.paused || !this.piped)
  }

  /** Somebody reads it. */
  get isPiped(): boolean {
    return this.piped
  }

  pipe(sink: BodySink): void {
    if (this.brokenBy !== undefined) sink.reset(this.brokenBy)
    if (this.over) return
    this.piped = true
    this.sink = sink
    if (this.endWaits) this.end(this.trailers)
    else this.owner.bodyWanted()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (this.endWaits) this.end(this.trailers)
    else if (!this.over) this.owner.bodyWanted()
  }

  cancel(failure: Failure): void {
    if (this.over) return
    this.over = true
    this.sink = undefined
    this.owner.bodyCancelled(failure)
  }

  /** For the connection: bytes of the body. Once it was cancelled they are counted and dropped. */
  give(chunk: Buffer): void {
    this.readBytes += chunk.length
    const { sink } = this
    if (sink === undefined) return
    // Set before the call, so that a `resume` from within it is not undone by its answer.
    this.paused = true
    if (sink.write(chunk)) this.paused = false
  }

  /** For the connection: all bytes were given. */
  end(trailers: HeaderBlock | undefined): void {
    this.trailers = trailers
    this.endWaits = this.blocked
    if (this.over || this.endWaits) return
    this.over = true
    this.sink?.end(trailers)
    this.sink = undefined
    this.owner.bodyDelivered()
  }

  /** For the connection: the rest will never come. */
  break(failure: Failure): void {
    if (this.over) return
    this.over = true
    if (this.sink === undefined) this.brokenBy = failure
    this.sink?.reset(failure)
    this.sink = undefined
  }
}
