/**
 * Plain bytes between two connections, both ways: CONNECT, and services that speak TCP. Half-closing is passed on
 * (RFC 9293 3.6), back-pressure too, and a reset stays a reset.
 */
import type { Clock } from '../../../mesh/clock.ts'
import { Failure } from '../../failure.ts'
import type { Transport } from '../../transport.ts'
import { type Deadlines, deadlinesOf, Watched } from '../deadlines.ts'

export interface TunnelOptions {
  readonly clock: Clock
  /** Longest time without a byte in either direction; 0: any. */
  readonly idleTimeoutMs: number
  /** Called once, when both connections are gone. */
  readonly onEnd?: (end: TunnelEnd) => void
}

export interface TunnelEnd {
  /** From the first connection to the second. */
  readonly sentBytes: number
  /** From the second connection to the first. */
  readonly receivedBytes: number
  /** Undefined when both sides have said that they were done. */
  readonly failure: Failure | undefined
}

export interface Tunnel {
  readonly sentBytes: number
  readonly receivedBytes: number
  /** Breaks both connections. Idempotent. */
  cancel(failure: Failure): void
}

/** Takes over two transports, the client's first. */
export const tunnel = (client: Transport, upstream: Transport, options: TunnelOptions): Tunnel =>
  new TransportTunnel(client, upstream, options)

/** Reads of this size and more come in a stream that is worth large buffers of its own. */
const BULK_BYTES = 16 * 1024

class TransportTunnel extends Watched implements Tunnel {
  private readonly options: TunnelOptions
  private readonly deadlines: Deadlines
  private readonly up: Direction
  private readonly down: Direction
  private failure: Failure | undefined = undefined
  private openCount = 2

  constructor(client: Transport, upstream: Transport, options: TunnelOptions) {
    super()
    this.options = options
    this.deadlines = deadlinesOf(options.clock)
    this.deadlines.add(this)
    this.up = new Direction(client, upstream, this)
    this.down = new Direction(upstream, client, this)
    client.onClose = error => this.onClose(this.up, error, 'downstream-gone', 'the client')
    upstream.onClose = error => this.onClose(this.down, error, 'upstream-reset', 'the other side')
    this.moved()
    client.resume()
    upstream.resume()
    // Whoever had it before us may have been told already that it is gone.
    if (client.destroyed) process.nextTick(() => client.onClose(undefined))
    if (upstream.destroyed) process.nextTick(() => upstream.onClose(undefined))
  }

  get sentBytes(): number {
    return this.up.bytes
  }

  get receivedBytes(): number {
    return this.down.bytes
  }

  cancel(failure: Failure): void {
    this.failure ??= failure
    this.up.from.reset()
    this.down.from.reset()
  }

  moved(): void {
    this.deadlineMs = this.deadlines.in(this.options.idleTimeoutMs)
  }

  override onDeadline(): void {
    this.cancel(new Failure('idle-timeout', `no byte moved for ${this.options.idleTimeoutMs} ms`))
  }

  /** The connection that `direction` reads from is gone. */
  private onClose(
    direction: Direction,
    error: Error | undefined,
    code: 'downstream-gone' | 'upstream-reset',
    who: string,
  ): void {
    if (direction.closed) return
    direction.closed = true
    if (error !== undefined || !direction.ended) {
      this.failure ??= new Failure(
        code,
        `${who} broke the connection${error === undefined ? '' : ` (${error.message})`}`,
      )
      direction.to.reset()
    }
    this.openCount--
    if (this.openCount > 0) return
    this.deadlines.remove(this)
    const { sentBytes, receivedBytes, failure } = this
    this.options.onEnd?.({ sentBytes, receivedBytes, failure })
  }
}

class Direction {
  readonly from: Transport
  readonly to: Transport
  bytes = 0
  /** FIN has come and was passed on. */
  ended = false
  /** `from` is gone. */
  closed = false
  private readonly owner: TransportTunnel
  private bulk = false

  constructor(from: Transport, to: Transport, owner: TransportTunnel) {
    this.from = from
    this.to = to
    this.owner = owner
    from.onRead = chunk => this.onRead(chunk)
    from.onReadEnd = () => this.onReadEnd()
    to.onDrain = () => from.resume()
  }

  private onRead(chunk: Buffer): void {
    this.bytes += chunk.length
    this.owner.moved()
    if (chunk.length >= BULK_BYTES !== this.bulk) {
      this.bulk = !this.bulk
      this.from.bulk(this.bulk)
    }
    if (!this.to.write(chunk)) this.from.pause()
  }

  private onReadEnd(): void {
    this.ended = true
    this.to.end()
  }
}
