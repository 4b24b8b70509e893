/** Composes frames (RFC 9113 4 and 6) behind each other in one buffer, which leaves once per turn or when it is full. */
import { LEASE_BYTES, type Lease, returnLease, takeLease } from '../../buffer-lease.ts'
import type { Transport } from '../../transport.ts'
import { flushAtTurnEnd, type Gatherer } from '../../turn.ts'
import { type ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType, MAX_FRAME_BYTES } from './protocol.ts'

export class FrameWriter implements Gatherer {
  /** The transport takes no more bodies until it drains. */
  blocked = false
  /** Called when bytes were handed to the transport. */
  onSent: (() => void) | undefined = undefined
  private readonly transport: Transport
  private lease: Lease | undefined = undefined
  private length = 0
  private willFlush = false
  private closed = false
  /** Bytes that were handed to the transport. */
  private handedBytes = 0
  /** Where the last frame begins if it is DATA of this stream and still here. */
  private lastDataAt = -1
  private lastDataStream = 0

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** Bytes written so far: a position in the stream of frames. */
  get position(): number {
    return this.handedBytes + this.length
  }

  /** Whether bytes behind a position may have left the process. */
  mayHaveLeft(position: number): boolean {
    return this.handedBytes > position
  }

  /** Whether all bytes before a position have left the process. */
  hasLeft(position: number): boolean {
    return this.handedBytes >= position && this.transport.pendingBytes === 0
  }

  /** Bytes that wait in this process. */
  get waitingBytes(): number {
    return this.length + this.transport.pendingBytes
  }

  /** HEADERS, with as many CONTINUATION frames as the block takes. */
  headers(streamId: number, block: Buffer, endStream: boolean): void {
    let from = 0
    let type: number = FrameType.HEADERS
    let flags = endStream ? Flag.END_STREAM : 0
    do {
      const size = Math.min(block.length - from, MAX_FRAME_BYTES)
      if (from + size === block.length) flags |= Flag.END_HEADERS
      const at = this.begin(size, type, flags, streamId)
      block.copy(this.lease!.bytes, at, from, from + size)
      from += size
      type = FrameType.CONTINUATION
      flags = 0
    } while (from < block.length)
  }

  /** One DATA frame of at most `MAX_FRAME_BYTES`. */
  data(streamId: number, bytes: Buffer, from: number, to: number): void {
    const size = to - from
    const at = this.begin(size, FrameType.DATA, 0, streamId)
    bytes.copy(this.lease!.bytes, at, from, to)
    this.lastDataAt = at - FRAME_HEADER_BYTES
    this.lastDataStream = streamId
  }

  /** Ends a stream: by a flag in its last DATA frame if that is still here, by an empty one otherwise. */
  endData(streamId: number): void {
    if (this.lastDataAt !== -1 && this.lastDataStream === streamId) {
      this.lease!.bytes[this.lastDataAt + 4]! |= Flag.END_STREAM
    } else this.begin(0, FrameType.DATA, Flag.END_STREAM, streamId)
  }

  reset(streamId: number, code: ErrorCode): void {
    const at = this.begin(4, FrameType.RST_STREAM, 0, streamId)
    this.lease!.bytes.writeUInt32BE(code, at)
  }

  windowUpdate(streamId: number, increment: number): void {
    const at = this.begin(4, FrameType.WINDOW_UPDATE, 0, streamId)
    this.lease!.bytes.writeUInt32BE(increment, at)
  }

  settings(settings: readonly (readonly [setting: number, value: number])[]): void {
    let at = this.begin(6 * settings.length, FrameType.SETTINGS, 0, 0)
    for (const [setting, value] of settings) {
      at = this.lease!.bytes.writeUInt16BE(setting, at)
      at = this.lease!.bytes.writeUInt32BE(value, at)
    }
  }

  acknowledgeSettings(): void {
    this.begin(0, FrameType.SETTINGS, Flag.ACK, 0)
  }

  /** `payload`: eight octets from `from`. */
  ping(payload: Buffer, from: number, isAnswer: boolean): void {
    const at = this.begin(8, FrameType.PING, isAnswer ? Flag.ACK : 0, 0)
    payload.copy(this.lease!.bytes, at, from, from + 8)
  }

  /** `reason` is for people: at most 200 octets of it are sent. */
  goAway(lastStreamId: number, code: ErrorCode, reason: string): void {
    const text = reason.slice(0, 200)
    const at = this.begin(8 + text.length, FrameType.GOAWAY, 0, 0)
    const { bytes } = this.lease!
    bytes.writeUInt32BE(lastStreamId, at)
    bytes.writeUInt32BE(code, at + 4)
    bytes.latin1Write(text, at + 8)
  }

  /** Bytes that are no frame: the client's preface. */
  raw(bytes: Buffer): void {
    const at = this.reserve(bytes.length)
    bytes.copy(this.lease!.bytes, at)
    this.length = at + bytes.length
  }

  /** The end of the turn. */
  flush(): void {
    this.willFlush = false
    this.send()
  }

  /** Hands over what there is. */
  send(): void {
    const { lease, length } = this
    if (lease === undefined) return
    this.lease = undefined
    this.length = 0
    this.lastDataAt = -1
    if (!this.transport.write(lease.bytes.subarray(0, length))) this.blocked = true
    // A write that fails at once has sent nothing.
    if (!this.transport.destroyed) this.handedBytes += length
    returnLease(lease)
    this.onSent?.()
  }

  /** Nothing more is sent. */
  close(): void {
    this.closed = true
    if (this.lease !== undefined) returnLease(this.lease)
    this.lease = undefined
    this.length = 0
  }

  /** Writes the header of a frame; answers where its payload begins, which must be filled at once. */
  private begin(size: number, type: number, flags: number, streamId: number): number {
    const at = this.reserve(FRAME_HEADER_BYTES + size)
    const { bytes } = this.lease!
    bytes[at] = size >>> 16
    bytes[at + 1] = size >>> 8
    bytes[at + 2] = size
    bytes[at + 3] = type
    bytes[at + 4] = flags
    bytes[at + 5] = streamId >>> 24
    bytes[at + 6] = streamId >>> 16
    bytes[at + 7] = streamId >>> 8
    bytes[at + 8] = streamId
    this.lastDataAt = -1
    this.length = at + FRAME_HEADER_BYTES + size
    return at + FRAME_HEADER_BYTES
  }

  private reserve(byteCount: number): number {
    if (this.length + byteCount > LEASE_BYTES) this.send()
    this.lease ??= takeLease()
    if (!this.willFlush && !this.closed) {
      this.willFlush = true
      flushAtTurnEnd(this)
    }
    return this.length
  }
}
