/**
 * What both ends of an HTTP/2 connection have in common: frames, settings, windows, the streams that are open, and the
 * two ways out (GOAWAY and wait, GOAWAY and close).
 */
import type { Clock } from '../../../mesh/clock.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import type { CodecLimits } from '../codec.ts'
import { type Deadlines, deadlinesOf, NEVER, Watched } from '../deadlines.ts'
import { ClosedStreams } from './closed-streams.ts'
import { DataIntake } from './data-intake.ts'
import { FieldSection } from './field-section.ts'
import { FloodGuard } from './flood-guard.ts'
import { type FrameHandler, FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { encodeTrailers } from './head-writer.ts'
import { HpackDecoder, HpackError } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { Http2Defence, Http2Limits } from './limits.ts'
import { PeerSettings } from './peer-settings.ts'
import {
  CLIENT_PREFACE,
  ConnectionError,
  ErrorCode,
  errorName,
  MAX_WINDOW_BYTES,
  Setting,
} from './protocol.ts'
import type { ReceiveWindow } from './receive-window.ts'
import { SendQueue } from './send-queue.ts'
import type { Stream, StreamConnection } from './stream.ts'
import { LOOK_MS, Vigil, type Watchable } from './vigil.ts'

/** How long the peer has to read our last words before the connection is closed under it. */
const LINGER_MS = 2000

/** A header block on the wire is never much longer than what it says. */
const BLOCK_BYTES_PER_HEADER_BYTE = 2

const TABLE_BYTES = 4096

export interface ConnectionOptions {
  readonly limits: CodecLimits
  readonly http2: Http2Limits
  readonly clock: Clock
  readonly onDefence: (defence: Http2Defence) => void
}

/** `open`; `going`: we take no new stream; `lingering`: our last word was said; `over`: the transport is gone. */
type Phase = 'open' | 'going' | 'lingering' | 'over'

export abstract class Http2Connection extends Watched implements FrameHandler, StreamConnection, Watchable {
  readonly sendQueue: SendQueue
  protected readonly transport: Transport
  protected readonly limits: CodecLimits
  protected readonly http2: Http2Limits
  protected readonly deadlines: Deadlines
  protected readonly streams = new Map<number, Stream>()
  protected readonly closedStreams = new ClosedStreams()
  protected readonly guard: FloodGuard
  protected readonly writer: FrameWriter
  protected readonly encoder: HpackEncoder
  protected readonly section: FieldSection
  protected readonly peer: PeerSettings
  protected phase: Phase = 'open'
  /** The highest number of a stream of the peer's. */
  protected lastPeerStream = 0
  protected readonly vigil: Vigil
  private readonly reader: FrameReader
  private readonly decoder = new HpackDecoder(TABLE_BYTES)
  private readonly intake: DataIntake

  constructor(transport: Transport, options: ConnectionOptions, isServer: boolean) {
    super()
    const { limits, http2, clock } = options
    this.transport = transport
    this.limits = limits
    this.http2 = http2
    this.deadlines = deadlinesOf(clock)
    this.guard = new FloodGuard(http2, options.onDefence)
    this.writer = new FrameWriter(transport)
    this.sendQueue = new SendQueue(this.writer, this.guard)
    // Huffman coding saves bytes on the wire, which between neighbours cost less than the work.
    this.encoder = new HpackEncoder(TABLE_BYTES, false)
    this.section = new FieldSection(limits)
    this.peer = new PeerSettings(!isServer)
    this.reader = new FrameReader(this, isServer, limits.maxHeaderBytes * BLOCK_BYTES_PER_HEADER_BYTE, http2)
    this.intake = new DataIntake(this.writer, http2, this)
    this.vigil = new Vigil(this, limits, http2, clock)
    transport.onRead = chunk => this.read(chunk)
    transport.onReadEnd = () => this.inputEnded()
    transport.onDrain = () => this.drained()
    transport.onClose = error => this.closed(error)
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
  /** What a stream is told when the connection breaks. */
  protected abstract lost(stream: Stream, error: Error | undefined): Failure
  /** The peer takes no stream above that one. */
  protected abstract peerGoesAway(lastStreamId: number, code: number): void
  /** A stream has ended. */
  protected abstract streamEnded(stream: Stream): void
  /** The peer has broken the protocol, and is told so. */
  protected abstract protocolBroken(failure: Failure): void
  /** Nothing of it is left. */
  protected abstract ended(): void
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

  private inputEnded(): void {
    if (this.phase === 'over') return
    if (this.phase === 'lingering' || this.streams.size === 0) this.transport.end()
    this.transport.destroy()
  }

  private drained(): void {
    this.writer.blocked = false
    this.vigil.drained()
    this.sendQueue.pump()
    this.everythingLeft()
  }

  /** All bytes written so far have left the process. */
  protected everythingLeft(): void {}

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

  newReceiveWindow(): ReceiveWindow {
    return this.intake.newStreamWindow()
  }

  writeEnd(streamId: number, trailers: HeaderBlock | undefined): void {
    if (trailers === undefined || trailers.count === 0) this.writer.endData(streamId)
    else this.writer.headers(streamId, encodeTrailers(this.encoder, trailers), true)
  }

  streamOver(stream: Stream, code: ErrorCode | undefined): void {
    if (!stream.isActive) return
    this.forget(stream, code !== undefined)
    if (code === undefined) this.guard.streamCompleted()
    else this.writer.reset(stream.id, code)
    this.streamEnded(stream)
  }

  bytesTaken(stream: Stream, byteCount: number): void {
    this.intake.taken(stream, byteCount)
  }

  /** Ends a stream that the peer has never begun with. */
  protected withdraw(stream: Stream): void {
    this.forget(stream, true)
  }

  private forget(stream: Stream, resetByUs: boolean): void {
    stream.isActive = false
    this.streams.delete(stream.id)
    this.closedStreams.add(stream.id, resetByUs)
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

  // The end.

  /** The peer has broken the protocol (RFC 9113 5.4.1). */
  fail(error: ConnectionError): void {
    if (this.phase === 'lingering' || this.phase === 'over') return
    this.protocolBroken(new Failure('bad-request', `${error.message} (${errorName(error.code)})`))
    this.lastWord(error.code, error.message)
    this.abortAll(error)
  }

  /** Says that it is over, and gives the peer time to read what came before. */
  protected lastWord(code: ErrorCode, reason: string): void {
    if (this.phase === 'lingering' || this.phase === 'over') return
    this.phase = 'lingering'
    this.reader.close()
    this.intake.close()
    this.writer.goAway(this.lastPeerStream, code, reason)
    this.writer.send()
    this.transport.end()
    this.deadlineMs = this.deadlines.in(LINGER_MS)
  }

  /** Breaks the connection at once. */
  breakOff(error: Error): void {
    this.abortAll(error)
    this.transport.destroy()
  }

  protected abortAll(error: Error | undefined): void {
    for (const stream of [...this.streams.values()]) {
      const failure = this.lost(stream, error)
      this.forget(stream, true)
      stream.aborted(failure)
      this.streamEnded(stream)
    }
  }

  private closed(error: Error | undefined): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.reader.close()
    this.intake.close()
    this.abortAll(error)
    this.writer.close()
    this.deadlines.remove(this)
    this.deadlineMs = NEVER
    this.ended()
  }

  // For the watch.

  get openStreams(): Iterable<Stream> {
    return this.streams.values()
  }

  get hasStreams(): boolean {
    return this.streams.size > 0
  }

  get unitsRead(): number {
    return this.reader.unitsRead
  }

  get withinUnit(): boolean {
    return this.reader.withinUnit
  }

  get isBlocked(): boolean {
    return this.writer.blocked
  }

  abstract defended(defence: Http2Defence): void

  refillBudgets(share: number): void {
    this.guard.refill(share)
  }

  sendPing(): void {
    this.writer.ping(LIVENESS_PING, 0, false)
  }

  expired(): void {
    this.lastWord(ErrorCode.NO_ERROR, 'nobody used the connection')
  }

  override onDeadline(): void {
    if (this.phase === 'lingering') {
      this.transport.destroy()
      return
    }
    this.deadlineMs = this.deadlines.in(LOOK_MS)
    this.vigil.look()
  }
}

/** Tells our PINGs apart by their first octet. */
const LIVENESS_PING = Buffer.alloc(8, 1)
