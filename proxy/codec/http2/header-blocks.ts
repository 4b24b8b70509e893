/** Header blocks, which may come in several frames with nothing in between (RFC 9113 4.3, 6.2 and 6.10). */
import type { FrameHandler } from './frame-handler.ts'
import { ErrorCode, Flag, protocolError, sizeError, uint31 } from './protocol.ts'

type BlockHandler = Pick<FrameHandler, 'headers' | 'streamBroken' | 'continuationFlood'>

export class HeaderBlocks {
  /** Whose block is not complete; 0: nobody's. */
  streamId = 0
  private readonly handler: BlockHandler
  private readonly maxBytes: number
  private readonly maxContinuations: number
  private endStream = false
  private length = 0
  private bytes: Buffer = NOTHING
  private continuations = 0

  constructor(handler: BlockHandler, maxBytes: number, maxContinuations: number) {
    this.handler = handler
    this.maxBytes = maxBytes
    this.maxContinuations = maxContinuations
  }

  /** A HEADERS frame, its payload in `bytes[from, to)`. */
  headers(streamId: number, flags: number, bytes: Buffer, from: number, to: number): void {
    if (streamId === 0) throw protocolError('HEADERS on stream 0')
    let start = from
    let end = to
    if ((flags & Flag.PADDED) !== 0) {
      if (start === end) throw sizeError('a padded HEADERS frame without the length of its padding')
      end -= bytes[start++]!
    }
    let dependency = 0
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - start < 5) throw sizeError('HEADERS is too short for the priority that it announces')
      dependency = uint31(bytes, start)
      start += 5
    }
    if (start > end) throw protocolError('the padding of a HEADERS frame is longer than the frame')
    const endStream = (flags & Flag.END_STREAM) !== 0
    if ((flags & Flag.END_HEADERS) !== 0) this.handler.headers(streamId, bytes, start, end, endStream)
    else this.begin(streamId, bytes, start, end, endStream)
    if (dependency === streamId)
      this.handler.streamBroken(streamId, ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself')
  }

  continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    const { streamId } = this
    if (streamId === 0) throw protocolError('CONTINUATION without a HEADERS frame before it')
    if (++this.continuations > this.maxContinuations)
      this.handler.continuationFlood(
        `a header block has more than ${this.maxContinuations} CONTINUATION frames`,
      )
    this.append(bytes, from, to)
    if ((flags & Flag.END_HEADERS) === 0) return
    const block = this.bytes
    this.drop()
    this.handler.headers(streamId, block, 0, this.length, this.endStream)
  }

  drop(): void {
    this.streamId = 0
    this.bytes = NOTHING
  }

  private begin(streamId: number, bytes: Buffer, from: number, to: number, endStream: boolean): void {
    this.streamId = streamId
    this.endStream = endStream
    this.length = 0
    this.continuations = 0
    this.append(bytes, from, to)
  }

  private append(bytes: Buffer, from: number, to: number): void {
    const length = this.length + to - from
    if (length > this.maxBytes)
      this.handler.continuationFlood(`a header block has more than ${this.maxBytes} bytes`)
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length))
      this.bytes.copy(larger, 0, 0, this.length)
      this.bytes = larger
    }
    bytes.copy(this.bytes, this.length, from, to)
    this.length = length
  }
}

const NOTHING = Buffer.alloc(0)
