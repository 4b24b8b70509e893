import type { TlsInfo, Transport } from '../../proxy/transport.ts'

/** How a pair of transports behaves. */
export interface LinkOptions {
  /** Length of the next piece that is delivered, given how many bytes wait. Default: all of them, up to 64 KiB. */
  readonly cut?: (waitingBytes: number) => number
  /** Bytes in flight that count as having left the process. Default 64 KiB. */
  readonly kernelBytes?: number
}

/** Two ends of one connection in memory. What one writes the other reads, in later turns of the event loop. */
export function transportPair(options: LinkOptions = {}): [MemoryTransport, MemoryTransport] {
  const left = new MemoryTransport(options, '127.0.0.1:1')
  const right = new MemoryTransport(options, '127.0.0.1:2')
  left.peer = right
  right.peer = left
  return [left, right]
}

/** Overwrites what a reader was given, once it has had it: whoever kept it without `retain` will see. */
const STALE = 0xdd

export class MemoryTransport implements Transport {
  onRead: (chunk: Buffer) => void = () => {}
  onReadEnd: () => void = () => {}
  onDrain: () => void = () => {}
  onClose: (error: Error | undefined) => void = () => {}
  readonly remoteAddress: string
  readonly localPort = 80
  tls: TlsInfo | undefined = undefined
  destroyed = false
  /** Largest number of bytes that this end had to hold at a time. */
  mostPendingBytes = 0
  sentBytes = 0
  /** Bytes that were delivered to this end. */
  deliveredBytes = 0
  peer!: MemoryTransport
  private readonly cut: (waitingBytes: number) => number
  private readonly kernelBytes: number
  /** Written here, not yet read by the peer. */
  private inFlight: Buffer[] = []
  private inFlightBytes = 0
  private paused = true
  /** A chunk may still come after `pause`. */
  private mayOvershoot = false
  private ending = false
  private endDelivered = false
  private endReceived = false
  private closed = false
  private scheduled = false

  constructor({ cut, kernelBytes }: LinkOptions, remoteAddress: string) {
    this.cut = cut ?? (waiting => Math.min(waiting, 64 * 1024))
    this.kernelBytes = kernelBytes ?? 64 * 1024
    this.remoteAddress = remoteAddress
  }

  get pendingBytes(): number {
    return Math.max(0, this.inFlightBytes - this.kernelBytes)
  }

  write(chunk: Buffer): boolean {
    if (this.destroyed || this.ending) return false
    this.inFlight.push(Buffer.from(chunk))
    this.inFlightBytes += chunk.length
    this.sentBytes += chunk.length
    this.mostPendingBytes = Math.max(this.mostPendingBytes, this.pendingBytes)
    this.schedule()
    return this.pendingBytes === 0
  }

  pause(): void {
    this.mayOvershoot = !this.paused
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.peer.schedule()
  }

  bulk(): void {}

  flush(): void {}

  end(): void {
    this.ending = true
    this.schedule()
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    // The kernel still sends what it has, and FIN behind it.
    while (this.inFlightBytes > this.kernelBytes) this.inFlightBytes -= this.inFlight.pop()!.length
    this.ending = true
    this.schedule()
    // Whatever waits for us is answered with RST.
    this.peer.schedule()
    setImmediate(() => this.close(undefined))
  }

  reset(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.inFlight = []
    this.inFlightBytes = 0
    setImmediate(() => {
      this.close(undefined)
      this.peer.close(connectionReset())
    })
  }

  /** For tests: the connection breaks under both. */
  break(): void {
    this.close(connectionReset())
    this.peer.close(connectionReset())
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.deliver()
    })
  }

  /** One piece a turn. */
  private deliver(): void {
    const { peer } = this
    if (peer.destroyed) {
      // Bytes for somebody who is gone are answered with RST.
      if (this.inFlightBytes > 0) this.close(connectionReset())
      return
    }
    if (this.inFlightBytes > 0) this.deliverBytes()
    else if (this.ending && !this.endDelivered) this.deliverEnd()
    if (this.inFlightBytes > 0 || (this.ending && !this.endDelivered)) {
      if (!peer.paused || peer.mayOvershoot || this.inFlightBytes === 0) this.schedule()
    }
  }

  private deliverBytes(): void {
    const { peer } = this
    if (peer.paused && !peer.mayOvershoot) return
    peer.mayOvershoot = false
    const wasPending = this.pendingBytes > 0
    const chunk = this.take(Math.max(1, Math.min(this.inFlightBytes, this.cut(this.inFlightBytes))))
    peer.deliveredBytes += chunk.length
    peer.onRead(chunk)
    chunk.fill(STALE)
    if (wasPending && this.pendingBytes === 0 && !this.destroyed) this.onDrain()
  }

  private take(byteCount: number): Buffer {
    const all = Buffer.concat(this.inFlight)
    this.inFlight = byteCount === all.length ? [] : [all.subarray(byteCount)]
    this.inFlightBytes -= byteCount
    return Buffer.from(all.subarray(0, byteCount))
  }

  private deliverEnd(): void {
    this.endDelivered = true
    this.peer.endReceived = true
    this.peer.onReadEnd()
    this.peer.closeIfDone()
    this.closeIfDone()
  }

  private closeIfDone(): void {
    if (this.endDelivered && this.endReceived) setImmediate(() => this.close(undefined))
  }

  private close(error: Error | undefined): void {
    if (this.closed) return
    this.closed = true
    this.destroyed = true
    this.onClose(error)
  }
}

const connectionReset = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
