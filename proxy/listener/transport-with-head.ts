import type { TlsInfo, Transport } from '../transport.ts'

/** A transport of which something was read already: that is delivered first. */
export const withHead = (transport: Transport, head: Buffer): Transport =>
  head.length === 0 ? transport : new TransportWithHead(transport, head)

class TransportWithHead implements Transport {
  private readonly inner: Transport
  private head: Buffer | undefined
  private paused = true
  private scheduled = false

  constructor(inner: Transport, head: Buffer) {
    this.inner = inner
    this.head = head
  }

  get onRead(): (chunk: Buffer) => void {
    return this.inner.onRead
  }
  set onRead(callback: (chunk: Buffer) => void) {
    this.inner.onRead = callback
  }
  get onReadEnd(): () => void {
    return this.inner.onReadEnd
  }
  set onReadEnd(callback: () => void) {
    this.inner.onReadEnd = callback
  }
  get onDrain(): () => void {
    return this.inner.onDrain
  }
  set onDrain(callback: () => void) {
    this.inner.onDrain = callback
  }
  get onClose(): (error: Error | undefined) => void {
    return this.inner.onClose
  }
  set onClose(callback: (error: Error | undefined) => void) {
    this.inner.onClose = callback
  }

  resume(): void {
    this.paused = false
    if (this.head === undefined) this.inner.resume()
    else if (!this.scheduled) {
      this.scheduled = true
      process.nextTick(() => this.deliver())
    }
  }

  pause(): void {
    this.paused = true
    this.inner.pause()
  }

  private deliver(): void {
    this.scheduled = false
    const { head } = this
    if (this.paused || head === undefined || this.inner.destroyed) return
    this.head = undefined
    this.inner.onRead(head)
    if (!this.paused) this.inner.resume()
  }

  write(chunk: Buffer): boolean {
    return this.inner.write(chunk)
  }
  get pendingBytes(): number {
    return this.inner.pendingBytes
  }
  bulk(on: boolean): void {
    this.inner.bulk(on)
  }
  end(): void {
    this.inner.end()
  }
  destroy(): void {
    this.inner.destroy()
  }
  reset(): void {
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
