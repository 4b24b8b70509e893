/**
 * The body contract: how message bodies cross the proxy, whatever the protocol on either side.
 *
 * A source pipes into one sink. Everything happens in direct calls on one thread: no promises, no streams.
 *
 * 1. `source.pipe(sink)` is called once; the source may call the sink before `pipe` returns.
 * 2. `sink.write(chunk)` gives bytes. **The chunk is valid only during the call**: who keeps it longer calls
 *    `retain(chunk)`. It returns `false` to ask for a pause; the source then makes no further call except
 *    `reset`, until `source.resume()`. `resume` may be called from within any call and when not paused.
 * 3. Exactly one of these ends the flow, and nothing is called on the sink afterwards:
 *    `sink.end(trailers)` (all bytes given), `sink.reset(failure)` (the source broke),
 *    or `source.cancel(failure)` (the sink wants no more). `cancel` is idempotent, also after the end.
 * 4. A source that is cancelled before it is piped never calls a sink.
 */
import type { Failure } from './failure.ts'
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
