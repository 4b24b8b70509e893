/** Takes bodies in: who gets the bytes, whether the peer may send them (RFC 9113 5.2), and what it may send then. */
import type { FrameWriter } from './frame-writer.ts'
import type { Http2Limits } from './limits.ts'
import { ConnectionError, DEFAULT_WINDOW_BYTES, ErrorCode } from './protocol.ts'
import { ReceiveWindow } from './receive-window.ts'
import type { Stream } from './stream.ts'

export interface IntakeOwner {
  streamBroken(streamId: number, code: ErrorCode, reason: string): void
}

export class DataIntake {
  private readonly writer: FrameWriter
  private readonly limits: Http2Limits
  private readonly owner: IntakeOwner
  private readonly window: ReceiveWindow
  /** Whose DATA frame is being read; undefined: nobody's any more. */
  private stream: Stream | undefined = undefined
  /** The frame has brought no bytes. */
  isEmpty = true
  private closed = false
  /** What the peer takes new streams to begin with. */
  private initialBytes = DEFAULT_WINDOW_BYTES

  constructor(writer: FrameWriter, limits: Http2Limits, owner: IntakeOwner) {
    this.writer = writer
    this.limits = limits
    this.owner = owner
    const { connectionWindowBytes, maxConnectionWindowBytes } = limits
    this.window = new ReceiveWindow(
      DEFAULT_WINDOW_BYTES,
      connectionWindowBytes,
      maxConnectionWindowBytes,
      true,
    )
  }

  /** Tells the peer how large the window of the connection is. */
  open(): void {
    const increment = this.window.open()
    if (increment > 0) this.writer.windowUpdate(0, increment)
  }

  newStreamWindow(): ReceiveWindow {
    const { streamWindowBytes, maxStreamWindowBytes } = this.limits
    return new ReceiveWindow(this.initialBytes, streamWindowBytes, maxStreamWindowBytes, false)
  }

  /** The peer has our SETTINGS: it counts its windows by them from here on, those of open streams, too. */
  settingsAcknowledged(streams: Iterable<Stream>): void {
    const change = this.limits.streamWindowBytes - this.initialBytes
    this.initialBytes = this.limits.streamWindowBytes
    for (const stream of streams) {
      stream.receiveWindow?.adjust(change)
      // A window that fell to nothing has to be opened again: nothing will come that could ask for it.
      this.credit(stream)
    }
  }

  /** A DATA frame begins; `length`: of its payload, padding included. */
  begin(stream: Stream | undefined, streamId: number, length: number): void {
    this.stream = undefined
    this.isEmpty = true
    if (!this.window.received(length))
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA came than the connection allows')
    if (stream === undefined) return
    if (!stream.remoteOpen || stream.receiveWindow === undefined)
      this.owner.streamBroken(streamId, ErrorCode.STREAM_CLOSED, 'DATA came behind the end of its stream')
    else if (!stream.receiveWindow.received(length))
      this.owner.streamBroken(streamId, ErrorCode.FLOW_CONTROL_ERROR, 'more DATA came than the stream allows')
    else this.stream = stream
  }

  read(bytes: Buffer, from: number, to: number): void {
    const { stream } = this
    this.isEmpty = false
    if (stream?.isActive !== true) {
      this.dropped(to - from)
      return
    }
    const objection = stream.give(bytes.subarray(from, to))
    if (objection === undefined) return
    this.dropped(to - from)
    this.owner.streamBroken(stream.id, ErrorCode.PROTOCOL_ERROR, objection)
  }

  /** `overhead`: octets of the frame that were no body. */
  end(overhead: number, endStream: boolean): void {
    const { stream } = this
    if (stream?.isActive !== true) {
      this.dropped(overhead)
      return
    }
    if (overhead > 0) this.taken(stream, overhead)
    // Bytes that nobody takes yet must not stop other streams.
    else this.dropped(0)
    const objection = endStream ? stream.remoteEnded(undefined) : undefined
    if (objection !== undefined) this.owner.streamBroken(stream.id, ErrorCode.PROTOCOL_ERROR, objection)
  }

  /** Bytes of a stream were handed over: the peer may send as many again. */
  taken(stream: Stream, byteCount: number): void {
    this.dropped(byteCount)
    stream.receiveWindow!.taken(byteCount)
    this.credit(stream)
  }

  private credit(stream: Stream): void {
    if (this.closed || !stream.remoteOpen || !stream.isActive || stream.bodyUnwanted) return
    const increment = stream.receiveWindow?.credit() ?? 0
    if (increment > 0) this.writer.windowUpdate(stream.id, increment)
  }

  /** Nothing more is said of windows. */
  close(): void {
    this.closed = true
  }

  /** The connection's share of it. */
  private dropped(byteCount: number): void {
    this.window.taken(byteCount)
    const increment = this.closed ? 0 : this.window.credit()
    if (increment > 0) this.writer.windowUpdate(0, increment)
  }
}
