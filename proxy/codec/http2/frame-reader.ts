/**
 * Cuts the bytes of a connection into frames (RFC 9113 4 and 6), in whatever pieces they arrive, and checks all that
 * can be seen in a frame alone: its length, flags, padding and stream. Bodies are handed on as they come; everything
 * else is handed on whole. A header block is one piece, however many CONTINUATION frames it takes.
 */
import type { FrameHandler } from './frame-handler.ts'
import { HeaderBlocks } from './header-blocks.ts'
import type { Http2Limits } from './limits.ts'
import {
  CLIENT_PREFACE,
  ConnectionError,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  MAX_FRAME_BYTES,
  protocolError,
  sizeError,
  uint31,
} from './protocol.ts'

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, WINDOW_UPDATE, CONTINUATION } =
  FrameType

/** Stages: what the next bytes are. */
const PREFACE = 0
const HEADER = 1
const DATA_BODY = 2
const DATA_PADDING = 3
const DATA_PAD_LENGTH = 4
const PAYLOAD = 5

export class FrameReader {
  private readonly handler: FrameHandler
  private readonly blocks: HeaderBlocks
  /** Frames and header blocks that were read to their end. */
  unitsRead = 0
  private stage: number
  private closed = false
  private prefaceRead = 0
  private expectsSettings = true
  /** A frame header that arrived in pieces. */
  private readonly headBytes = Buffer.alloc(FRAME_HEADER_BYTES)
  private headLength = 0
  private length = 0
  private type = 0
  private flags = 0
  private streamId = 0
  /** A payload that arrived in pieces. */
  private payload: Buffer | undefined = undefined
  private payloadLength = 0
  /** Of a DATA frame. */
  private bodyLeft = 0
  private paddingLeft = 0
  private overhead = 0
  /** `maxBlockBytes`: of a header block as it is on the wire. */
  constructor(
    handler: FrameHandler,
    expectsPreface: boolean,
    maxBlockBytes: number,
    limits: Pick<Http2Limits, 'maxContinuations'>,
  ) {
    this.handler = handler
    this.stage = expectsPreface ? PREFACE : HEADER
    this.blocks = new HeaderBlocks(handler, maxBlockBytes, limits.maxContinuations)
  }

  /** Something is missing of the preface, of a frame that is no DATA, or of a header block. */
  get withinUnit(): boolean {
    return (
      this.stage === PREFACE || this.stage === PAYLOAD || this.headLength > 0 || this.blocks.streamId !== 0
    )
  }

  /** Nothing more is read. */
  close(): void {
    this.closed = true
    this.payload = undefined
    this.blocks.drop()
  }

  /** Throws a `ConnectionError`. */
  read(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.closed) {
      switch (this.stage) {
        case PREFACE:
          at = this.readPreface(bytes, at)
          break
        case HEADER:
          at = this.readHeader(bytes, at)
          break
        case PAYLOAD:
          at = this.readPayload(bytes, at)
          break
        default:
          at = this.readData(bytes, at)
      }
    }
  }

  private readPreface(bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length && this.prefaceRead < CLIENT_PREFACE.length) {
      if (bytes[at++] !== CLIENT_PREFACE[this.prefaceRead++])
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'the connection does not begin with the preface')
    }
    if (this.prefaceRead === CLIENT_PREFACE.length) this.stage = HEADER
    return at
  }

  private readHeader(bytes: Buffer, from: number): number {
    if (this.headLength === 0 && bytes.length - from >= FRAME_HEADER_BYTES) {
      this.begin(bytes, from)
      return from + FRAME_HEADER_BYTES
    }
    const to = Math.min(bytes.length, from + FRAME_HEADER_BYTES - this.headLength)
    bytes.copy(this.headBytes, this.headLength, from, to)
    this.headLength += to - from
    if (this.headLength === FRAME_HEADER_BYTES) {
      this.headLength = 0
      this.begin(this.headBytes, 0)
    }
    return to
  }

  /** A frame's header is complete. */
  private begin(bytes: Buffer, at: number): void {
    this.length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    this.type = bytes[at + 3]!
    this.flags = bytes[at + 4]!
    this.streamId = uint31(bytes, at + 5)
    if (this.length > MAX_FRAME_BYTES)
      throw sizeError(`a frame has ${this.length} bytes, at most ${MAX_FRAME_BYTES} are allowed`)
    if (this.expectsSettings && (this.type !== SETTINGS || (this.flags & Flag.ACK) !== 0))
      throw protocolError('the first frame is not SETTINGS')
    this.expectsSettings = false
    if (this.blocks.streamId !== 0 && (this.type !== CONTINUATION || this.streamId !== this.blocks.streamId))
      throw protocolError('another frame stands within a header block')
    if (this.type === DATA) this.beginData()
    else if (this.length === 0) this.frame(NOTHING, 0, 0)
    else this.stage = PAYLOAD
  }

  private readPayload(bytes: Buffer, from: number): number {
    const { length } = this
    if (this.payloadLength === 0 && bytes.length - from >= length) {
      this.stage = HEADER
      this.frame(bytes, from, from + length)
      return from + length
    }
    this.payload ??= Buffer.allocUnsafe(length)
    const to = Math.min(bytes.length, from + length - this.payloadLength)
    bytes.copy(this.payload, this.payloadLength, from, to)
    this.payloadLength += to - from
    if (this.payloadLength === length) {
      const { payload } = this
      this.payload = undefined
      this.payloadLength = 0
      this.stage = HEADER
      this.frame(payload, 0, length)
    }
    return to
  }

  // DATA (RFC 9113 6.1).

  private beginData(): void {
    if (this.streamId === 0) throw protocolError('DATA on stream 0')
    const isPadded = (this.flags & Flag.PADDED) !== 0
    if (isPadded && this.length === 0)
      throw sizeError('a padded DATA frame without the length of its padding')
    this.handler.dataBegun(this.streamId, this.length)
    this.bodyLeft = this.length
    this.paddingLeft = 0
    this.overhead = 0
    if (isPadded) this.stage = DATA_PAD_LENGTH
    else if (this.length === 0) this.endData()
    else this.stage = DATA_BODY
  }

  private readData(bytes: Buffer, from: number): number {
    if (this.stage === DATA_PAD_LENGTH) {
      this.beginPadding(bytes[from]!)
      return from + 1
    }
    if (this.stage === DATA_PADDING) {
      const to = Math.min(bytes.length, from + this.paddingLeft)
      this.paddingLeft -= to - from
      if (this.paddingLeft === 0) this.endData()
      return to
    }
    const to = Math.min(bytes.length, from + this.bodyLeft)
    this.bodyLeft -= to - from
    this.handler.dataRead(bytes, from, to)
    if (this.bodyLeft === 0 && !this.closed) this.endBody()
    return to
  }

  private beginPadding(padding: number): void {
    this.bodyLeft = this.length - 1 - padding
    if (this.bodyLeft < 0) throw protocolError('the padding of a DATA frame is longer than the frame')
    this.paddingLeft = padding
    this.overhead = padding + 1
    this.stage = DATA_BODY
    if (this.bodyLeft === 0) this.endBody()
  }

  private endBody(): void {
    if (this.paddingLeft > 0) this.stage = DATA_PADDING
    else this.endData()
  }

  private endData(): void {
    this.stage = HEADER
    this.handler.dataEnded(this.overhead, (this.flags & Flag.END_STREAM) !== 0)
  }

  // All others, in `bytes[from, to)`.

  private frame(bytes: Buffer, from: number, to: number): void {
    const { streamId, flags, type } = this
    if (type !== CONTINUATION) this.unitsRead++
    if (type === HEADERS) this.blocks.headers(streamId, flags, bytes, from, to)
    else if (type === CONTINUATION) this.blocks.continuation(flags, bytes, from, to)
    else if (type === WINDOW_UPDATE) this.windowUpdateFrame(bytes, from)
    else if (type === RST_STREAM) this.resetFrame(bytes, from)
    else if (type === PRIORITY) this.priorityFrame(bytes, from, to)
    else if (type === PUSH_PROMISE) throw protocolError('a PUSH_PROMISE came, and nobody allowed it')
    else if (type > CONTINUATION) this.handler.unknownFrame()
    else this.connectionFrame(bytes, from, to)
  }

  /** SETTINGS, PING and GOAWAY concern the connection as a whole. */
  private connectionFrame(bytes: Buffer, from: number, to: number): void {
    if (this.streamId !== 0) throw protocolError(`a frame of type ${this.type} came on a stream`)
    if (this.type === SETTINGS) this.settingsFrame(bytes, from, to)
    else if (this.type === PING) {
      this.exactly(8)
      this.handler.ping(bytes, from, (this.flags & Flag.ACK) !== 0)
    } else {
      if (to - from < 8) throw sizeError('GOAWAY is shorter than 8 bytes')
      this.handler.goAway(uint31(bytes, from), bytes.readUInt32BE(from + 4))
    }
  }

  private resetFrame(bytes: Buffer, from: number): void {
    if (this.streamId === 0) throw protocolError('RST_STREAM on stream 0')
    this.exactly(4)
    this.handler.streamReset(this.streamId, bytes.readUInt32BE(from))
  }

  /** Priorities are deprecated (RFC 9113 5.3): looked at, and forgotten. */
  private priorityFrame(bytes: Buffer, from: number, to: number): void {
    const { streamId, handler } = this
    if (streamId === 0) throw protocolError('PRIORITY on stream 0')
    handler.priority(streamId)
    if (to - from !== 5)
      handler.streamBroken(streamId, ErrorCode.FRAME_SIZE_ERROR, 'PRIORITY is not 5 bytes long')
    else if (uint31(bytes, from) === streamId)
      handler.streamBroken(streamId, ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself')
  }

  private settingsFrame(bytes: Buffer, from: number, to: number): void {
    if ((this.flags & Flag.ACK) !== 0) {
      this.exactly(0)
      this.handler.settingsAcknowledged()
    } else if ((to - from) % 6 !== 0) throw sizeError('SETTINGS is not a multiple of 6 bytes long')
    else this.handler.settings(bytes, from, to)
  }

  private windowUpdateFrame(bytes: Buffer, from: number): void {
    this.exactly(4)
    const increment = uint31(bytes, from)
    if (increment > 0) this.handler.windowUpdate(this.streamId, increment)
    else if (this.streamId === 0) throw protocolError('WINDOW_UPDATE by 0')
    else this.handler.streamBroken(this.streamId, ErrorCode.PROTOCOL_ERROR, 'WINDOW_UPDATE by 0')
  }

  private exactly(length: number): void {
    if (this.length !== length) throw sizeError(`a frame of type ${this.type} is not ${length} bytes long`)
  }
}

const NOTHING = Buffer.alloc(0)
