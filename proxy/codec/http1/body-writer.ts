/** Writes the body of one message behind its head, in whichever framing the head has promised (RFC 9112 6 and 7). */
import type { BodySink } from '../../body.ts'
import { LEASE_BYTES } from '../../buffer-lease.ts'
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { type OutTarget, out } from '../../out-buffer.ts'
import type { Transport } from '../../transport.ts'
import { CHUNKED } from './body-length.ts'

/** The message that a body belongs to. */
export interface WrittenMessage {
  /** The transport takes no more until it drains. */
  bodyStalled(): void
  /** The last byte was handed over. */
  bodyWritten(trailers: HeaderBlock | undefined): void
  /** The rest will never come, and the message cannot be completed. */
  bodyBroken(failure: Failure): void
}

/** Up to this size a chunk is copied behind what is waiting to be written: that is cheaper than a write of its own. */
const COPY_BYTES = 16 * 1024

/** Room for a chunk's size, its line end and the one before it. */
const FRAMING_BYTES = 24

export class BodyWriter implements BodySink, OutTarget {
  /** Bytes of the body so far, without framing. */
  writtenBytes = 0
  /** Until the transport drains. */
  blocked = false
  /** Bytes of the message, its head included, were taken by the transport. */
  hasWritten = false
  private sentBefore = 0
  private readonly transport: Transport
  private readonly message: WrittenMessage
  private length = 0
  private open = false
  private corked = false

  constructor(transport: Transport, message: WrittenMessage) {
    this.transport = transport
    this.message = message
  }

  /**
   * `length`: bytes, `CHUNKED` or `UNTIL_CLOSE`, as the head says. What is written waits for `uncork`, so that the
   * head and what of the body is here already leave together.
   */
  begin(length: number): void {
    this.corked = true
    this.writtenBytes = 0
    this.hasWritten = false
    this.sentBefore = this.transport.sentBytes
    this.length = length
    this.open = true
  }

  /** Bytes of the message may have left the process. */
  get hasSent(): boolean {
    return this.transport.sentBytes > this.sentBefore
  }

  uncork(): void {
    this.corked = false
    out.flush()
  }

  /** The message is over: nothing more is taken. */
  close(): void {
    this.open = false
  }

  writeOut(chunk: Buffer): void {
    const more = this.transport.write(chunk)
    // A write that fails at once has sent nothing.
    if (!this.hasWritten && !this.transport.destroyed) this.hasWritten = true
    if (more || this.blocked) return
    this.blocked = true
    this.message.bodyStalled()
  }

  write(chunk: Buffer): boolean {
    if (!this.open) return false
    if (chunk.length === 0) return !this.blocked
    this.writtenBytes += chunk.length
    if (this.length >= 0 && this.writtenBytes > this.length) {
      this.fail(`the body is longer than the ${this.length} bytes that were announced`)
      return false
    }
    if (chunk.length <= COPY_BYTES) this.copy(chunk)
    else this.writeThrough(chunk)
    return !this.blocked
  }

  end(trailers?: HeaderBlock): void {
    if (!this.open) return
    if (this.length >= 0 && this.writtenBytes < this.length) {
      this.fail(`the body ended after ${this.writtenBytes} of ${this.length} bytes`)
      return
    }
    this.open = false
    if (this.length === CHUNKED) this.writeLastChunk(trailers)
    out.flush()
    this.message.bodyWritten(trailers)
  }

  reset(failure: Failure): void {
    if (!this.open) return
    this.open = false
    this.message.bodyBroken(failure)
  }

  private fail(reason: string): void {
    this.reset(new Failure('internal', reason))
  }

  /** Chunks that arrive in one turn leave in one write. */
  private copy(chunk: Buffer): void {
    let at = out.reserve(this, chunk.length + FRAMING_BYTES)
    const { bytes } = out.lease
    if (this.length === CHUNKED) at += bytes.latin1Write(`${chunk.length.toString(16)}\r\n`, at)
    chunk.copy(bytes, at)
    at += chunk.length
    if (this.length === CHUNKED) at += bytes.latin1Write('\r\n', at)
    out.filled(at)
    if (!this.corked) out.flushInThisTurn()
  }

  /** What waits goes first; then the chunk, from where it lies. */
  private writeThrough(chunk: Buffer): void {
    if (this.length === CHUNKED) {
      if (chunk.length + FRAMING_BYTES <= LEASE_BYTES) {
        this.copy(chunk)
        out.flush()
        return
      }
      const at = out.reserve(this, FRAMING_BYTES)
      out.filled(at + out.lease.bytes.latin1Write(`${chunk.length.toString(16)}\r\n`, at))
    }
    out.flush()
    this.writeOut(chunk)
    if (this.length === CHUNKED) this.writeOut(LINE_END)
  }

  private writeLastChunk(trailers: HeaderBlock | undefined): void {
    let text = '0\r\n'
    trailers?.forEach((name, value) => {
      text += `${name}: ${value}\r\n`
    })
    text += '\r\n'
    if (text.length > LEASE_BYTES) {
      out.flush()
      this.writeOut(Buffer.from(text, 'latin1'))
      return
    }
    const at = out.reserve(this, text.length)
    out.filled(at + out.lease.bytes.latin1Write(text, at))
  }
}

const LINE_END: Buffer = Buffer.from('\r\n')
