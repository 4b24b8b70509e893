/**
 * The body contract: how message bodies cross the proxy, whatever the protocol on either side.
 *
 * A source pipes into one sink. Everything happens in direct calls on one thread: no promises, no streams.
 *
 * 1. `source.pipe(sink)` is called once; the source may call the sink before `pipe` returns.
 * 2. `sink.write(chunk)` gives bytes. **The chunk is valid only during the call**: who keeps it longer calls
 *    `retain(chunk)` (`buffer.ts`). It returns `false` to ask for a pause; the source then makes no further call
 *    except `reset`, until `source.resume()`. `resume` may be called from within any call and when not paused.
 * 3. Exactly one of these ends the flow, and nothing is called on the sink afterwards:
 *    `sink.end(trailers)` (all bytes given), `sink.reset(failure)` (the source broke),
 *    or `source.cancel(failure)` (the sink wants no more). `cancel` is idempotent, also after the end.
 * 4. A source that is cancelled before it is piped never calls a sink.
 */
import { Failure } from './failure.ts'
import type { HeaderBlock } from './header-block.ts'

export interface BodySink {
  write(chunk: Buffer): boolean
  end(trailers?: HeaderBlock): void
  reset(failure: Failure): void
}

export interface BodySource {
  /** Bytes if known before they are read; 0 means that there is no body and nothing needs to be piped. */
  readonly length: number | undefined
  pipe(sink: BodySink): void
  resume(): void
  cancel(failure: Failure): void
}

const nothing = (): void => {}

/** No body. One value for everybody: it holds no state, so it may be piped any number of times. */
export const EMPTY_BODY: BodySource = {
  length: 0,
  pipe: sink => sink.end(),
  resume: nothing,
  cancel: nothing,
}

/** A body of bytes that are here already. Each call makes a source that is piped once. */
export function bytesBody(bytes: Buffer): BodySource {
  return bytes.length === 0 ? EMPTY_BODY : new BytesBody(bytes)
}

class BytesBody implements BodySource {
  readonly length: number
  private readonly bytes: Buffer
  private sink: BodySink | undefined
  private paused = true
  private written = false
  private cancelled = false

  constructor(bytes: Buffer) {
    this.length = bytes.length
    this.bytes = bytes
  }

  pipe(sink: BodySink): void {
    if (this.cancelled) return
    this.sink = sink
    const more = sink.write(this.bytes)
    this.written = true
    // A `resume` from within `write` is not undone by its answer.
    if (more || !this.paused) this.finish()
  }

  resume(): void {
    this.paused = false
    if (this.written) this.finish()
  }

  cancel(_failure: Failure): void {
    this.cancelled = true
    this.sink = undefined
  }

  private finish(): void {
    const sink = this.sink
    this.sink = undefined
    sink?.end()
  }
}

/** What `discard` reads at most before it cancels instead: about what a connection can carry in one round trip. */
const DISCARD_BYTES = 64 * 1024

/**
 * Reads a body to its end and throws it away, so that the connection it comes from can be used again; a body
 * longer than `maxBytes` is cancelled instead.
 */
export function discard(source: BodySource, maxBytes: number = DISCARD_BYTES): void {
  if (source.length === 0) return
  const tooLong = (): void =>
    source.cancel(new Failure('cancelled', `the body is longer than the ${maxBytes} bytes worth discarding`))
  if (source.length !== undefined && source.length > maxBytes) {
    tooLong()
    return
  }
  let readBytes = 0
  source.pipe({
    write(chunk) {
      readBytes += chunk.length
      if (readBytes > maxBytes) tooLong()
      return true
    },
    end: nothing,
    reset: nothing,
  })
}
