/** What the peer's SETTINGS allow us (RFC 9113 6.5.2). */
import {
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from './protocol.ts'

/** Before the peer has said how many streams it takes: what RFC 9113 6.5.2 recommends as the least. */
const STREAMS_AT_FIRST = 100

export class PeerSettings {
  maxConcurrentStreams = STREAMS_AT_FIRST
  initialWindowBytes = DEFAULT_WINDOW_BYTES
  headerTableBytes = 4096
  /** The first SETTINGS frame came. */
  known = false
  private readonly isServer: boolean

  /** `isServer`: the peer is one. */
  constructor(isServer: boolean) {
    this.isServer = isServer
  }

  /**
   * Reads one frame. `onTableBytes` is called for each change of the table's size, since it may shrink and grow in one
   * frame. Throws a `ConnectionError`.
   */
  read(bytes: Buffer, from: number, to: number, onTableBytes: (tableBytes: number) => void): void {
    if (!this.known) this.maxConcurrentStreams = MAX_WINDOW_BYTES
    this.known = true
    for (let at = from; at < to; at += 6) {
      const setting = bytes.readUInt16BE(at)
      this.set(setting, bytes.readUInt32BE(at + 2))
      if (setting === Setting.HEADER_TABLE_SIZE) onTableBytes(this.headerTableBytes)
    }
  }

  private set(setting: number, value: number): void {
    switch (setting) {
      case Setting.HEADER_TABLE_SIZE:
        this.headerTableBytes = value
        break
      case Setting.ENABLE_PUSH:
        if (value > (this.isServer ? 0 : 1)) throw wrong('ENABLE_PUSH')
        break
      case Setting.MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value
        break
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW_BYTES) throw wrong('INITIAL_WINDOW_SIZE', ErrorCode.FLOW_CONTROL_ERROR)
        this.initialWindowBytes = value
        break
      case Setting.MAX_FRAME_SIZE:
        // Ours never exceed what everybody must take.
        if (value < MAX_FRAME_BYTES || value > 0xff_ffff) throw wrong('MAX_FRAME_SIZE')
        break
      case Setting.ENABLE_CONNECT_PROTOCOL:
        if (value > 1) throw wrong('ENABLE_CONNECT_PROTOCOL')
        break
      default:
        // RFC 9113 6.5.2: what is unknown is ignored, and MAX_HEADER_LIST_SIZE is advice.
        break
    }
  }
}

const wrong = (name: string, code: ErrorCode = ErrorCode.PROTOCOL_ERROR): ConnectionError =>
  new ConnectionError(code, `SETTINGS say something impossible of ${name}`)
