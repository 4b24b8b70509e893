/** Cuts the body of one message out of the bytes of a connection, by whichever rule ends it (RFC 9112 6.3). */
import type { Failure } from '../../failure.ts'
import type { Transport } from '../../transport.ts'
import { CHUNKED, UNTIL_CLOSE } from './body-length.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'
import type { HeadLimits } from './head-parser.ts'
import type { IncomingBody } from './incoming-body.ts'

/** Reads of this size and more come in a stream that is worth large buffers of its own. */
const BULK_BYTES = 16 * 1024

export class BodyReader {
  /** The end of the body was read. */
  done = true
  private readonly transport: Transport
  private readonly chunked: ChunkedDecoder
  private bulk = false
  private body: IncomingBody | undefined = undefined
  /** Bytes still to come, `CHUNKED` or `UNTIL_CLOSE`. */
  private left = 0

  constructor(transport: Transport, limits: HeadLimits) {
    this.transport = transport
    this.chunked = new ChunkedDecoder(limits)
  }

  /** `length`: bytes, `CHUNKED` or `UNTIL_CLOSE`. */
  begin(body: IncomingBody, length: number): void {
    this.body = body
    this.left = length
    this.done = false
    if (length === CHUNKED) this.chunked.reset()
  }

  get failure(): Failure | undefined {
    return this.chunked.failure
  }

  get endsWithConnection(): boolean {
    return this.left === UNTIL_CLOSE
  }

  /** Bytes that are known to be still to come; undefined when nobody knows. */
  get leftBytes(): number | undefined {
    return this.left < 0 ? undefined : this.left
  }

  /**
   * Reads on until the chunk or the body ends or its reader wants no more. Answers the position, -1 if the
   * framing is refused (see `failure`).
   */
  read(bytes: Buffer, from: number, end: number): number {
    const body = this.body!
    if (end - from >= BULK_BYTES !== this.bulk) this.setBulk(!this.bulk)
    if (this.left === CHUNKED) return this.readChunked(body, bytes, from, end)
    if (body.blocked || from === end) return from
    if (this.left === UNTIL_CLOSE) {
      body.give(bytes.subarray(from, end))
      return end
    }
    const until = Math.min(end, from + this.left)
    this.left -= until - from
    if (this.left === 0) this.finish()
    body.give(bytes.subarray(from, until))
    if (this.done) body.end(undefined)
    return until
  }

  /** The connection has ended, and with it the body. */
  endWithConnection(): void {
    this.finish()
    this.body!.end(undefined)
  }

  private finish(): void {
    this.done = true
    if (this.bulk) this.setBulk(false)
  }

  private setBulk(on: boolean): void {
    this.bulk = on
    this.transport.bulk(on)
  }

  private readChunked(body: IncomingBody, bytes: Buffer, from: number, end: number): number {
    const decoder = this.chunked
    let i = from
    while (i < end && !body.blocked) {
      const data = Math.min(decoder.dataBytes, end - i)
      if (data > 0) {
        decoder.take(data)
        body.give(bytes.subarray(i, i + data))
        i += data
        continue
      }
      i = decoder.readFraming(bytes, i, end)
      if (i < 0) return i
      if (!decoder.done) continue
      this.finish()
      body.end(decoder.trailers)
      return i
    }
    return i
  }
}
