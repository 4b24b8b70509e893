/**
 * The life of an HTTP/2 connection, whichever end it is: the streams that are open, what moves, what no longer does,
 * and the two ways out (GOAWAY and wait, GOAWAY and close).
 */
import type { Clock } from '../../../mesh/clock.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { Transport } from '../../transport.ts'
import type { CodecLimits } from '../codec.ts'
import { type Deadlines, deadlinesOf, NEVER, Watched } from '../deadlines.ts'
import { ClosedStreams } from './closed-streams.ts'
import { DataIntake } from './data-intake.ts'
import { FloodGuard } from './flood-guard.ts'
import type { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import type { Http2Defence, Http2Limits } from './limits.ts'
import { type ConnectionError, ErrorCode, errorName } from './protocol.ts'
import type { ReceiveWindow } from './receive-window.ts'
import { SendQueue } from './send-queue.ts'
import type { Stream, StreamConnection } from './stream.ts'
import { StreamTable } from './stream-table.ts'
import { LOOK_MS, Vigil, type Watchable } from './vigil.ts'

/** How long the peer has to read our last words before the connection is closed under it. */
const LINGER_MS = 2000

export interface ConnectionOptions {
  readonly limits: CodecLimits
  readonly http2: Http2Limits
  readonly clock: Clock
  readonly onDefence: (defence: Http2Defence) => void
}

/** `open`; `going`: we take no new stream; `lingering`: our last word was said; `over`: the transport is gone. */
type Phase = 'open' | 'going' | 'lingering' | 'over'

export abstract class ConnectionLife extends Watched implements StreamConnection, Watchable {
  readonly sendQueue: SendQueue
  protected readonly transport: Transport
  protected readonly limits: CodecLimits
  protected readonly http2: Http2Limits
  protected readonly deadlines: Deadlines
  protected readonly streams = new StreamTable()
  protected readonly closedStreams = new ClosedStreams()
  protected readonly guard: FloodGuard
  protected readonly writer: FrameWriter
  protected readonly intake: DataIntake
  protected readonly vigil: Vigil
  protected phase: Phase = 'open'
  /** The highest number of a stream of the peer's. */
  protected lastPeerStream = 0
  /** Set by who handles its frames, in its constructor. */
  protected reader!: FrameReader

  constructor(transport: Transport, options: ConnectionOptions) {
    super()
    const { limits, http2, clock } = options
    this.transport = transport
    this.limits = limits
    this.http2 = http2
    this.deadlines = deadlinesOf(clock)
    this.guard = new FloodGuard(http2, options.onDefence)
    this.writer = new FrameWriter(transport)
    this.sendQueue = new SendQueue(this.writer, this.guard)
    this.intake = new DataIntake(this.writer, http2, this)
    this.vigil = new Vigil(this, limits, http2, clock)
    transport.onReadEnd = () => this.inputEnded()
    transport.onDrain = () => this.drained()
    transport.onClose = error => this.closed(error)
  }

  /** What a stream is told when the connection breaks. */
  protected abstract lost(stream: Stream, error: Error | undefined): Failure
  /** A stream has ended. */
  protected abstract streamEnded(stream: Stream): void
  /** The peer has broken the protocol, and is told so. */
  protected abstract protocolBroken(failure: Failure): void
  /** Nothing of it is left. */
  protected abstract ended(): void
  abstract streamBroken(streamId: number, code: ErrorCode, reason: string): void
  abstract writeEnd(streamId: number, trailers: HeaderBlock | undefined): void

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

  // Streams.

  newReceiveWindow(): ReceiveWindow {
    return this.intake.newStreamWindow()
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

  /** It takes no part any more. */
  protected forget(stream: Stream, resetByUs: boolean): void {
    stream.isActive = false
    this.streams.delete(stream)
    this.closedStreams.add(stream.id, resetByUs)
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
    for (const stream of this.streams.values()) {
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
