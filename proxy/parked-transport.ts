/**
 * A connection between two owners: what arrives meanwhile (bytes, the end, the close) is kept, and told to the next
 * owner when it sets its callbacks and resumes. A transport that is only paused would have nobody to keep what still
 * comes, and would say just once that it is gone.
 */
import { retain } from './buffer.ts'
import type { TlsInfo, Transport } from './transport.ts'

/** Takes over a transport; `read` was read of it already and comes first. Begins paused, as every transport does. */
export const parked = (inner: Transport, read: Buffer): Transport => new ParkedTransport(inner, read)

const nothing = (): void => {}

class ParkedTransport implements Transport {
  onRead: (chunk: Buffer) => void = nothing
  onReadEnd: () => void = nothing
  onDrain: () => void = nothing
  onClose: (error: Error | undefined) => void = nothing
  private readonly inner: Transport
  /** What happened and was not told yet, in order. */
  private readonly waiting: (() => void)[] = []
  /** Runs when there is an owner. */
  private taken: () => unknown = nothing
  /** Nobody has resumed it yet. */
  private ownerless = true
  /** The owner has not had everything yet that came before it. */
  private parked = true
  private paused = true
  private scheduled = false

  constructor(inner: Transport, read: Buffer) {
    this.inner = inner
    if (read.length > 0) this.waiting.push(() => this.onRead(read))
    inner.pause()
    inner.onRead = chunk => this.arrived(chunk)
    inner.onReadEnd = () => this.happened(() => this.onReadEnd())
    inner.onDrain = () => this.onDrain()
    inner.onClose = error => this.closed(error)
  }

  resume(): void {
    this.take()
    this.paused = false
    if (!this.parked) this.inner.resume()
    else if (!this.scheduled) {
      this.scheduled = true
      process.nextTick(() => this.tell())
    }
  }

  pause(): void {
    this.paused = true
    this.inner.pause()
  }

  private arrived(chunk: Buffer): void {
    if (!this.parked) {
      this.onRead(chunk)
      return
    }
    const kept = retain(chunk)
    this.waiting.push(() => this.onRead(kept))
  }

  private happened(event: () => void): void {
    if (this.parked) this.waiting.push(event)
    else event()
  }

  /** Does not wait until everything is read: that is lost with a connection that broke. */
  private closed(error: Error | undefined): void {
    const tellClosed = (): void => this.onClose(error)
    if (this.ownerless) this.taken = () => setImmediate(tellClosed)
    else tellClosed()
  }

  /** Somebody uses it now. */
  private take(): void {
    if (!this.ownerless) return
    this.ownerless = false
    this.taken()
  }

  /** The new owner may pause again at any of these. */
  private tell(): void {
    this.scheduled = false
    while (!this.paused && this.waiting.length > 0) this.waiting.shift()!()
    if (this.paused) return
    this.parked = false
    this.inner.resume()
  }

  write(chunk: Buffer): boolean {
    return this.inner.write(chunk)
  }
  get pendingBytes(): number {
    return this.inner.pendingBytes
  }
  get sentBytes(): number {
    return this.inner.sentBytes
  }
  flush(): void {
    this.inner.flush()
  }
  bulk(on: boolean): void {
    this.inner.bulk(on)
  }
  end(): void {
    this.inner.end()
  }
  destroy(): void {
    this.take()
    this.inner.destroy()
  }
  reset(): void {
    this.take()
    this.inner.reset()
  }
  get destroyed(): boolean {
    return this.inner.destroyed
  }
  get remoteAddress(): string {
    return this.inner.remoteAddress
  }
  get localPort(): number {
    return this.inner.localPort
  }
  get tls(): TlsInfo | undefined {
    return this.inner.tls
  }
}
