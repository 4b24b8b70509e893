/**
 * One stream (RFC 9113 5.1): a message goes out, a message comes in, each side ends by itself. This is what both ends
 * of a connection have in common; the message that goes out is written here.
 */
import type { BodySink, BodySource } from '../../body.ts'
import { retain } from '../../buffer.ts'
import { Failure, type FailureCode } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { FieldSection } from './field-section.ts'
import { type BodyOwner, IncomingBody } from './incoming-body.ts'
import { ErrorCode } from './protocol.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { Sender, SendQueue } from './send-queue.ts'

/** The connection of a stream. */
export interface StreamConnection {
  readonly sendQueue: SendQueue
  newReceiveWindow(): ReceiveWindow
  writeEnd(streamId: number, trailers: HeaderBlock | undefined): void
  /** Both sides have ended, or we give the stream up: `code` is told to the peer, if there is one. */
  streamOver(stream: Stream, code: ErrorCode | undefined): void
  /** The peer has broken the rules on a stream: it is reset, and told so. */
  streamBroken(streamId: number, code: ErrorCode, reason: string): void
  /** Bytes of a body were taken that a peer had sent. */
  bytesTaken(stream: Stream, byteCount: number): void
}

export abstract class Stream implements BodySink, BodyOwner, Sender {
  readonly id: number
  sendWindow: number
  queued = false
  /** Our side, and the peer's, may still send. */
  localOpen = true
  remoteOpen = true
  /** It takes part in the connection. */
  isActive = true
  /** For the connection's table of streams. */
  nextInBucket: Stream | undefined = undefined
  /** The body of the message that comes in, if it has one. */
  incoming: IncomingBody | undefined = undefined
  /** Nobody reads it any more: the peer gets no more room to send. */
  bodyUnwanted = false
  receiveWindow: ReceiveWindow | undefined = undefined
  /** Bytes of the body that goes out, so far. */
  writtenBytes = 0
  /** For the connection's watch: what had moved when it last looked, and how long nothing has. */
  seenBytes = 0
  stillMs = 0
  protected readonly connection: StreamConnection
  /** What the peer announced, -1 when it did not. */
  private announcedBytes = -1
  private source: BodySource | undefined = undefined
  private held: Buffer | undefined = undefined
  private heldFrom = 0
  private endWaits = false
  private trailers: HeaderBlock | undefined = undefined

  constructor(connection: StreamConnection, id: number, sendWindow: number) {
    this.connection = connection
    this.id = id
    this.sendWindow = sendWindow
  }

  /** A header section that is not the first: trailers, or on the client's side the final response. */
  abstract headersRead(section: FieldSection, endStream: boolean): void
  /** The peer has reset it, or it is lost with its connection. */
  abstract aborted(failure: Failure): void
  /** Whether the peer could do something: send bytes of a body that is read, or take some. */
  abstract readonly awaitsPeer: boolean
  /** It did nothing for so long. */
  abstract tooSlow(timeoutMs: number): void
  /** The message that goes out was written as a whole. */
  protected abstract messageSent(trailers: HeaderBlock | undefined): void
  /** The message that goes out cannot be completed. */
  protected abstract messageBroken(failure: Failure): void
  abstract bodyWanted(): void
  abstract bodyCancelled(failure: Failure): void
  abstract bodyDelivered(): void

  // A message goes out.

  /** Its head was written, and a body follows. */
  protected sendBody(source: BodySource): void {
    this.source = source
    source.pipe(this)
  }

  /** Its head was written with the end of the stream. */
  protected sendNoBody(): void {
    this.localOpen = false
    this.messageSent(undefined)
    this.closeIfOver()
  }

  get hasBytes(): boolean {
    return this.held !== undefined
  }

  /** Bytes that the peer's windows hold back. */
  get heldBytes(): number {
    return this.held === undefined ? 0 : this.held.length - this.heldFrom
  }

  write(chunk: Buffer): boolean {
    if (!this.localOpen || this.endWaits) return false
    const { source } = this
    this.writtenBytes += chunk.length
    if (source?.length !== undefined && this.writtenBytes > source.length) {
      this.broken(`the body is longer than the ${source.length} bytes that were announced`)
      return false
    }
    const { sendQueue } = this.connection
    const sent = sendQueue.send(this, chunk)
    if (sent < chunk.length) {
      this.held = retain(chunk.subarray(sent))
      this.heldFrom = 0
      // Its own window opens for itself alone: it must not stand in the way of others.
      if (this.sendWindow <= 0) return false
    } else if (sendQueue.takesMore) return true
    sendQueue.add(this)
    return false
  }

  end(trailers?: HeaderBlock): void {
    if (!this.localOpen || this.endWaits) return
    const length = this.source?.length
    if (length !== undefined && this.writtenBytes < length) {
      this.broken(`the body ended after ${this.writtenBytes} of ${length} bytes`)
      return
    }
    this.trailers = trailers
    if (this.held === undefined) this.sendEnd()
    else this.endWaits = true
  }

  reset(failure: Failure): void {
    if (!this.localOpen) return
    this.source = undefined
    this.held = undefined
    this.messageBroken(failure)
  }

  sendNext(): boolean {
    if (!this.localOpen) return false
    const { held } = this
    if (held !== undefined) {
      this.heldFrom = this.connection.sendQueue.sendFrame(this, held, this.heldFrom)
      if (this.heldFrom < held.length) return true
      this.held = undefined
    }
    if (this.endWaits) this.sendEnd()
    else this.source?.resume()
    return this.held !== undefined
  }

  /** Nobody wants the rest of it. */
  protected stopSending(failure: Failure): void {
    this.localOpen = false
    this.held = undefined
    const { source } = this
    this.source = undefined
    source?.cancel(failure)
  }

  private broken(reason: string): void {
    const failure = new Failure('internal', reason)
    const { source } = this
    this.reset(failure)
    source?.cancel(failure)
  }

  private sendEnd(): void {
    const { trailers } = this
    this.endWaits = false
    this.localOpen = false
    this.source = undefined
    this.connection.writeEnd(this.id, trailers)
    this.messageSent(trailers)
    this.closeIfOver()
  }

  // A message comes in.

  /** Its head was read, and a body follows; `length` is undefined when the peer did not say. */
  protected expectBody(length: number | undefined): IncomingBody {
    this.announcedBytes = length ?? -1
    this.receiveWindow = this.connection.newReceiveWindow()
    this.incoming = new IncomingBody(this, length)
    return this.incoming
  }

  /** For the connection: bytes of a body; answers why they must not be. */
  give(chunk: Buffer): string | undefined {
    const body = this.incoming!
    if (this.announcedBytes !== -1 && body.readBytes + chunk.length > this.announcedBytes)
      return 'the body is longer than Content-Length says'
    body.give(chunk)
    return undefined
  }

  /** For the connection: the peer's side has ended; answers why it must not. */
  remoteEnded(trailers: HeaderBlock | undefined): string | undefined {
    const { incoming: body } = this
    if (body !== undefined && this.announcedBytes !== -1 && body.readBytes < this.announcedBytes)
      return 'the body is shorter than Content-Length says'
    this.remoteOpen = false
    body?.end(trailers)
    this.closeIfOver()
    return undefined
  }

  bodyTaken(byteCount: number): void {
    this.connection.bytesTaken(this, byteCount)
  }

  /** Bytes that moved in either direction. */
  get movedBytes(): number {
    return (this.incoming?.readBytes ?? 0) + this.writtenBytes - this.heldBytes
  }

  /** Gives it up, and says so to the peer. */
  giveUp(code: ErrorCode): void {
    this.localOpen = false
    this.held = undefined
    this.connection.streamOver(this, code)
  }

  protected closeIfOver(): void {
    if (this.isActive && !this.localOpen && !this.remoteOpen) this.connection.streamOver(this, undefined)
  }
}

/** What the peer is told of a message that broke (RFC 9113 7). */
export const codeOf = ({ code }: Failure): ErrorCode =>
  CANCELLED.has(code) ? ErrorCode.CANCEL : ErrorCode.INTERNAL_ERROR

/** Nobody waited any longer; everything else went wrong. */
const CANCELLED: ReadonlySet<FailureCode> = new Set([
  'cancelled',
  'downstream-gone',
  'response-timeout',
  'idle-timeout',
])
