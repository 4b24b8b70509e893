/** What both ends of an HTTP/2 connection do with the frames that come in (RFC 9113 5 and 6). */
import type { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import { ConnectionLife, type ConnectionOptions } from './connection-life.ts'
import { FieldSection } from './field-section.ts'
import type { FrameHandler } from './frame-handler.ts'
import { FrameReader } from './frame-reader.ts'
import { encodeTrailers } from './head-writer.ts'
import { HpackDecoder, HpackError } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import { PeerSettings } from './peer-settings.ts'
import { CLIENT_PREFACE, ConnectionError, ErrorCode, MAX_WINDOW_BYTES, Setting } from './protocol.ts'
import type { Stream } from './stream.ts'
import { LOOK_MS } from './vigil.ts'

/** A header block on the wire is never much longer than what it says. */
const BLOCK_BYTES_PER_HEADER_BYTE = 2

const TABLE_BYTES = 4096

export abstract class Http2Connection extends ConnectionLife implements FrameHandler {
  protected readonly encoder: HpackEncoder
  protected readonly section: FieldSection
  protected readonly peer: PeerSettings
  private readonly decoder = new HpackDecoder(TABLE_BYTES)

  constructor(transport: Transport, options: ConnectionOptions, isServer: boolean) {
    super(transport, options)
    const { limits, http2 } = options
    // Huffman coding saves bytes on the wire, which between neighbours cost less than the work.
    this.encoder = new HpackEncoder(TABLE_BYTES, false)
    this.section = new FieldSection(limits)
    this.peer = new PeerSettings(!isServer)
    this.reader = new FrameReader(this, isServer, limits.maxHeaderBytes * BLOCK_BYTES_PER_HEADER_BYTE, http2)
    transport.onRead = chunk => this.read(chunk)
  }

  /** Says hello, and begins to read. */
  protected open(
    ownSettings: readonly (readonly [setting: number, value: number])[],
    isServer: boolean,
  ): void {
    if (!isServer) this.writer.raw(CLIENT_PREFACE)
    this.writer.settings([
      ...ownSettings,
      [Setting.INITIAL_WINDOW_SIZE, this.http2.streamWindowBytes],
      [Setting.MAX_HEADER_LIST_SIZE, this.limits.maxHeaderBytes],
    ])
    this.intake.open()
    this.deadlines.add(this)
    this.deadlineMs = this.deadlines.in(LOOK_MS)
    this.transport.resume()
  }

  // What the two ends do differently.

  /** A header section on a stream that is not open. */
  protected abstract headersOnNew(streamId: number, endStream: boolean): void
  /** The peer takes no stream above that one. */
  protected abstract peerGoesAway(lastStreamId: number, code: number): void
  /** A stream may have a number like this. */
  protected abstract isIdle(streamId: number): boolean

  // Bytes come in.

  private read(chunk: Buffer): void {
    if (this.phase === 'lingering' || this.phase === 'over') return
    this.vigil.heard = true
    try {
      this.reader.read(chunk)
    } catch (error) {
      if (error instanceof ConnectionError) this.fail(error)
      else if (error instanceof HpackError)
        this.fail(new ConnectionError(ErrorCode.COMPRESSION_ERROR, error.message))
      else throw error
    }
  }

  dataBegun(streamId: number, length: number): void {
    const stream = this.streams.get(streamId)
    if (stream === undefined) this.dataOnClosed(streamId)
    if (length > 0) this.guard.messageFrame()
    this.intake.begin(stream, streamId, length)
  }

  dataRead(bytes: Buffer, from: number, to: number): void {
    this.intake.read(bytes, from, to)
  }

  dataEnded(overhead: number, endStream: boolean): void {
    if (!endStream && this.intake.isEmpty) this.guard.idleFrame('empty-data')
    this.intake.end(overhead, endStream)
  }

  headers(streamId: number, bytes: Buffer, from: number, to: number, endStream: boolean): void {
    const { section } = this
    section.reset()
    this.decoder.decode(bytes, from, to, section.add)
    this.guard.messageFrame()
    const stream = this.streams.get(streamId)
    if (stream === undefined) this.headersOnNew(streamId, endStream)
    else if (!stream.remoteOpen)
      this.streamBroken(streamId, ErrorCode.STREAM_CLOSED, 'HEADERS came behind the end of their stream')
    else stream.headersRead(section, endStream)
  }

  priority(_streamId: number): void {
    this.guard.idleFrame('priority')
  }

  streamReset(streamId: number, code: number): void {
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.mustNotBeIdle(streamId, 'RST_STREAM')
      this.guard.idleFrame('unknown-frame')
      return
    }
    this.guard.streamReset()
    this.forget(stream, false)
    stream.aborted(this.resetFailure(stream, code))
    this.streamEnded(stream)
  }

  /** What a stream is told that the peer has reset. */
  protected abstract resetFailure(stream: Stream, code: number): Failure

  settings(bytes: Buffer, from: number, to: number): void {
    this.guard.settingsFrame()
    const before = this.peer.initialWindowBytes
    this.peer.read(bytes, from, to, tableBytes => this.encoder.allow(tableBytes))
    const change = this.peer.initialWindowBytes - before
    if (change !== 0) this.moveSendWindows(change)
    this.writer.acknowledgeSettings()
    this.sendQueue.pump()
    this.settingsChanged()
  }

  /** The peer's SETTINGS are in force. */
  protected abstract settingsChanged(): void

  settingsAcknowledged(): void {
    this.vigil.settingsAcknowledged()
    this.intake.settingsAcknowledged(this.streams.values())
  }

  ping(bytes: Buffer, from: number, isAnswer: boolean): void {
    if (isAnswer) {
      this.pingAnswered(bytes[from]!)
      return
    }
    this.guard.idleFrame('ping')
    this.writer.ping(bytes, from, true)
    this.mustBeRead()
  }

  /** `kind`: the first octet of a PING of ours. */
  protected pingAnswered(_kind: number): void {}

  goAway(lastStreamId: number, code: number): void {
    this.peerGoesAway(lastStreamId, code)
  }

  windowUpdate(streamId: number, increment: number): void {
    this.guard.idleFrame('window-update')
    if (streamId === 0) {
      if (!this.sendQueue.grow(increment))
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the window of the connection is too large')
      return
    }
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.mustNotBeIdle(streamId, 'WINDOW_UPDATE')
      return
    }
    stream.sendWindow += increment
    if (stream.sendWindow > MAX_WINDOW_BYTES)
      this.streamBroken(streamId, ErrorCode.FLOW_CONTROL_ERROR, 'the window of a stream is too large')
    else this.windowOpened(stream)
  }

  unknownFrame(): void {
    this.guard.idleFrame('unknown-frame')
  }

  streamBroken(streamId: number, code: ErrorCode, reason: string): void {
    const stream = this.streams.get(streamId)
    // The peer pays for streams that it makes us reset as for those which it resets itself.
    this.guard.streamReset()
    if (stream === undefined) {
      this.resetUnknown(streamId, code)
      return
    }
    this.writer.reset(streamId, code)
    this.forget(stream, true)
    stream.aborted(this.brokenFailure(reason))
    this.streamEnded(stream)
  }

  /** What a stream is told in which the peer has broken the rules. */
  protected abstract brokenFailure(reason: string): Failure

  continuationFlood(reason: string): never {
    return this.guard.refuse('continuation-flood', reason)
  }

  // Streams.

  writeEnd(streamId: number, trailers: HeaderBlock | undefined): void {
    if (trailers === undefined || trailers.count === 0) this.writer.endData(streamId)
    else this.writer.headers(streamId, encodeTrailers(this.encoder, trailers), true)
  }

  private moveSendWindows(change: number): void {
    for (const stream of this.streams.values()) {
      stream.sendWindow += change
      if (stream.sendWindow > MAX_WINDOW_BYTES)
        throw new ConnectionError(
          ErrorCode.FLOW_CONTROL_ERROR,
          'SETTINGS make the window of a stream too large',
        )
      this.windowOpened(stream)
    }
  }

  private windowOpened(stream: Stream): void {
    if (!stream.hasBytes || stream.sendWindow <= 0) return
    this.sendQueue.add(stream)
    this.sendQueue.pump()
  }

  private dataOnClosed(streamId: number): void {
    this.mustNotBeIdle(streamId, 'DATA')
    if (!this.closedStreams.wasResetByUs(streamId))
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, 'DATA came on a stream that is closed')
  }

  protected mustNotBeIdle(streamId: number, what: string): void {
    if (this.isIdle(streamId))
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `${what} came on a stream that nobody has opened`)
  }

  /** For frames that are wrong on streams which are not open. */
  private resetUnknown(streamId: number, code: ErrorCode): void {
    if (this.isIdle(streamId))
      throw new ConnectionError(code, 'a frame is wrong on a stream that nobody has opened')
    this.writer.reset(streamId, code)
    this.closedStreams.add(streamId, true)
  }

  /** Answers that the peer provokes and does not read must not fill our memory. */
  protected mustBeRead(): void {
    if (this.writer.waitingBytes <= this.http2.maxPendingBytes) return
    this.guard.refuse('write-stall', 'the peer asks and does not read the answers')
  }
}
