/**
 * What arrives on a connection, handed on as far as it is wanted. Bytes that must wait are kept (a chunk is valid
 * only during the call), and the connection is paused before that becomes too much.
 */
import { retain } from '../../buffer.ts'
import type { Transport } from '../../transport.ts'

export interface InletConsumer {
  /** Takes bytes from a position on, and answers the position up to which it wants them now. */
  consume(bytes: Buffer, from: number, end: number): number
  /** Bytes that may be kept unread before the connection is paused. */
  readonly readAheadBytes: number
  /** Everything that came was taken, and no more will come. */
  inputEnded(): void
}

export class Inlet {
  private readonly transport: Transport
  private readonly consumer: InletConsumer
  private rest: Buffer | undefined = undefined
  private consuming = false
  private paused = false
  private closed = false
  /** FIN has come. */
  ended = false

  constructor(transport: Transport, consumer: InletConsumer) {
    this.transport = transport
    this.consumer = consumer
  }

  /** Bytes kept. */
  get waitingBytes(): number {
    return this.rest === undefined ? 0 : this.rest.length
  }

  onRead(chunk: Buffer): void {
    if (this.closed) return
    if (this.rest !== undefined) {
      this.rest = Buffer.concat([this.rest, chunk])
      this.throttle()
      return
    }
    this.consuming = true
    const used = this.consumer.consume(chunk, 0, chunk.length)
    this.consuming = false
    if (used === chunk.length || this.closed) return
    this.rest = retain(chunk, used)
    this.throttle()
  }

  onReadEnd(): void {
    this.ended = true
    if (this.rest === undefined && !this.closed) this.consumer.inputEnded()
  }

  /** More is wanted than before. */
  pump(): void {
    if (this.consuming || this.closed) return
    this.consuming = true
    while (this.rest !== undefined) {
      const bytes: Buffer = this.rest
      const used = this.consumer.consume(bytes, 0, bytes.length)
      if (this.closed) break
      this.rest = used === bytes.length ? undefined : bytes.subarray(used)
      if (used === 0) break
    }
    this.consuming = false
    this.afterPump()
  }

  /** Nothing more is wanted, ever: what is kept is dropped. */
  close(): void {
    this.closed = true
    this.rest = undefined
  }

  /** What is kept, for whoever takes over the connection. */
  takeRest(): Buffer | undefined {
    const { rest } = this
    this.close()
    return rest
  }

  private afterPump(): void {
    if (this.closed || this.rest !== undefined) return
    if (this.paused) {
      this.paused = false
      this.transport.resume()
    }
    if (this.ended) this.consumer.inputEnded()
  }

  private throttle(): void {
    if (this.paused || this.rest!.length <= this.consumer.readAheadBytes) return
    this.paused = true
    this.transport.pause()
  }
}
