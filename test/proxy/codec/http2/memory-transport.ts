/** Two ends of a connection in memory: bytes arrive in a later turn, in pieces of any size. */
import type { Transport } from '../../../../proxy/transport.ts'

export interface PairOptions {
  /** Size of the next piece that arrives; all there is when left out. */
  readonly cut?: () => number
  /** Bytes on the way from which a writer is asked to wait. */
  readonly highWaterBytes?: number
}

const nothing = (): void => {}

export class MemoryTransport implements Transport {
  onRead: (chunk: Buffer) => void = nothing
  onReadEnd: () => void = nothing
  onDrain: () => void = nothing
  onClose: (error: Error | undefined) => void = nothing
  destroyed = false
  sentBytes = 0
  /** What the other end does not take stays on the way. */
  stuck = false
  readonly remoteAddress = '192.0.2.1:4711'
  readonly localPort = 80
  readonly tls = undefined
  peer!: MemoryTransport
  private readonly options: PairOptions
  private paused = true
  private onTheWay: Buffer[] = []
  private ending = false
  private endSeen = false
  private scheduled = false

  constructor(options: PairOptions) {
    this.options = options
  }

  get pendingBytes(): number {
    return this.onTheWay.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  write(chunk: Buffer): boolean {
    if (this.destroyed || this.ending) return false
    if (chunk.length > 0) this.onTheWay.push(Buffer.from(chunk))
    this.sentBytes += chunk.length
    this.schedule()
    return this.pendingBytes < (this.options.highWaterBytes ?? 64 * 1024)
  }

  pause(): void {
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
    setImmediate(() => this.onClose(undefined))
    if (!this.ending) this.end()
  }

  reset(): void {
    this.destroy()
  }

  /** The network breaks: both ends learn of it, and what is on the way is lost. */
  break(error: Error): void {
    for (const end of [this, this.peer]) {
      if (end.destroyed) continue
      end.destroyed = true
      end.onTheWay = []
      setImmediate(() => end.onClose(error))
    }
  }

  /** Lets bytes through again. */
  unstick(): void {
    this.stuck = false
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.deliver()
    })
  }

  private deliver(): void {
    const { peer } = this
    if (this.stuck || peer.paused) return
    if (this.onTheWay.length > 0 && !peer.destroyed) {
      const all = Buffer.concat(this.onTheWay)
      const size = Math.max(1, Math.min(all.length, this.options.cut?.() ?? all.length))
      this.onTheWay = size < all.length ? [all.subarray(size)] : []
      const piece = Buffer.from(all.subarray(0, size))
      peer.onRead(piece)
      // A chunk is valid only during the call.
      piece.fill(0xee)
    } else if (peer.destroyed) this.onTheWay = []
    if (this.onTheWay.length > 0) this.schedule()
    else {
      if (!this.destroyed) this.onDrain()
      this.deliverEnd()
    }
  }

  private deliverEnd(): void {
    if (!this.ending || this.endSeen || this.onTheWay.length > 0) return
    this.endSeen = true
    if (!this.peer.destroyed) this.peer.onReadEnd()
  }
}

export function transportPair(options: PairOptions = {}): [MemoryTransport, MemoryTransport] {
  const one = new MemoryTransport(options)
  const other = new MemoryTransport(options)
  one.peer = other
  other.peer = one
  return [one, other]
}

/** Everything that was set going has come to rest. */
export async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
}
