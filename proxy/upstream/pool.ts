/**
 * The connections to one destination. An idle connection is handed out at once, the one used last first, so that
 * those which are not needed grow old and close. Without one, the request waits: for the connection that is
 * opened for it or for the next that comes free, in the order of arrival.
 */
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { ClientConnection } from '../codec/codec.ts'
import { Failure } from '../failure.ts'
import type { OutgoingRequest, Response } from '../message.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { ConnectionEvents, Connector, Destination } from './connector.ts'

export interface PoolOptions {
  readonly destination: Destination
  readonly connector: Connector
  readonly clock: Clock
  readonly breaker: CircuitBreaker
  /** Whether `maxConnections` and `maxRequestsPerConnection` apply: towards apps and plain upstreams only. */
  readonly limitsConnections: boolean
  /** No connection stays idle for longer; must be less than the other side's keep-alive timeout. */
  readonly idleTimeoutMs: number
  readonly maxIdle: number
  /** Told of each connection that was opened, and of each that was not. */
  readonly onConnected: () => void
  readonly onConnectFailure: (failure: Failure) => void
}

interface Waiter {
  readonly request: OutgoingRequest
  readonly connectTimeoutMs: number
  /** No connection was opened for it, it only waits for others: counted as pending. */
  readonly queued: boolean
  readonly resolve: (lease: Lease) => void
  readonly reject: (failure: Failure) => void
}

export class Pool {
  readonly destination: Destination
  private readonly options: PoolOptions
  /** A stack: the longest idle are at the bottom. */
  private readonly idle: Lease[] = []
  private readonly open = new Set<Lease>()
  private readonly waiters: Waiter[] = []
  private connecting = 0
  /** Requests that a new connection is going to take at once: a guess, until one was there. */
  private expected: number
  private draining = false
  private sweeps = 0
  private sweeper: Timer | undefined

  constructor(options: PoolOptions) {
    this.destination = options.destination
    this.options = options
    this.expected = options.connector.expectedCapacity?.(options.destination) ?? 1
  }

  /** Connections of plain bytes do not come from here, and count against the same limit. */
  get breaker(): CircuitBreaker {
    return this.options.breaker
  }

  /** Open connections and those being opened. */
  get size(): number {
    return this.open.size + this.connecting
  }

  get idleCount(): number {
    return this.idle.length
  }

  get waiting(): number {
    return this.waiters.length
  }

  /**
   * A connection for one request, at once if there is an idle one. Rejects with the failure of the connection
   * attempt, with `overflow`, or with what `request` was cancelled with while it waited. `connectTimeoutMs` 0: no
   * limit.
   */
  acquire(request: OutgoingRequest, connectTimeoutMs: number): Lease | Promise<Lease> {
    for (let lease = this.idle.at(-1); lease !== undefined; lease = this.idle.at(-1)) {
      const { free } = lease
      if (free > 0) lease.reserved++
      if (free > 1) lease.idleSweep = this.sweeps
      else this.takeOut(lease)
      if (free > 0) return lease
    }
    return this.wait(request, connectTimeoutMs)
  }

  /** Takes no new connections into stock: those that are idle close now, the others after what they carry. */
  drain(): void {
    this.draining = true
    this.sweeper?.cancel()
    for (const lease of this.idle.splice(0)) this.retire(lease)
  }

  /** Breaks everything. */
  destroy(failure: Failure): void {
    this.drain()
    for (const waiter of this.waiters.splice(0)) this.reject(waiter, failure)
    for (const lease of this.open) lease.connection.destroy(failure)
  }

  /** For leases: it takes more requests than it did. */
  available(lease: Lease): void {
    while (this.waiters.length > 0 && lease.free > 0) this.hand(lease, this.waiters.shift()!)
    if (lease.free <= 0) return
    if (this.draining || this.idle.length >= this.options.maxIdle) this.retire(lease)
    else this.keep(lease)
  }

  /** For leases: its request was sent. */
  sent(lease: Lease): void {
    const { connection } = lease
    const most = this.options.limitsConnections ? this.options.breaker.maxRequestsPerConnection : 0
    if (most > 0 && connection.sent >= most) connection.drain()
    else if (!lease.idle && lease.free > 0) this.available(lease)
  }

  /** For leases: the connection is gone. */
  closed(lease: Lease): void {
    this.forgetIdle(lease)
    this.open.delete(lease)
    this.options.breaker.connections.leave()
    this.openForWaiters()
  }

  /** For leases: it takes no more. */
  forgetIdle(lease: Lease): void {
    if (lease.idle) this.takeOut(lease)
  }

  private takeOut(lease: Lease): void {
    lease.idle = false
    if (this.idle.at(-1) === lease) {
      this.idle.pop()
      return
    }
    const at = this.idle.indexOf(lease)
    if (at !== -1) this.idle.splice(at, 1)
  }

  private wait(request: OutgoingRequest, connectTimeoutMs: number): Promise<Lease> {
    // A connection on its way whose request was served by another is as good as a new one.
    const covered = this.connecting * this.expected > this.waiters.length || this.tryOpen(connectTimeoutMs)
    if (!covered && !this.options.breaker.pending.enter()) {
      const { max } = this.options.breaker.pending
      return Promise.reject(
        new Failure('overflow', `${max} requests wait for a connection already (maxPendingRequests)`),
      )
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { request, connectTimeoutMs, queued: !covered, resolve, reject }
      request.onCancel = failure => {
        const at = this.waiters.indexOf(waiter)
        if (at === -1) return
        this.waiters.splice(at, 1)
        this.reject(waiter, failure)
      }
      this.waiters.push(waiter)
    })
  }

  private hand(lease: Lease, waiter: Waiter): void {
    lease.reserved++
    this.left(waiter)
    waiter.resolve(lease)
  }

  private reject(waiter: Waiter, failure: Failure): void {
    this.left(waiter)
    waiter.reject(failure)
  }

  private left(waiter: Waiter): void {
    waiter.request.onCancel = undefined
    if (waiter.queued) this.options.breaker.pending.leave()
  }

  /**
   * Opens a connection unless `maxConnections` forbids. The limit is the workload's; a destination without any
   * connection may have one all the same, or its requests would wait for others to close theirs.
   */
  private tryOpen(connectTimeoutMs: number): boolean {
    const { breaker, limitsConnections, connector } = this.options
    if (!limitsConnections || this.size === 0) breaker.connections.enterAnyway()
    else if (!breaker.connections.enter()) return false
    this.connecting++
    const lease = new Lease(this)
    connector.connect(this.destination, connectTimeoutMs, lease).then(
      connection => this.connected(lease, connection),
      error => this.connectFailed(error),
    )
    return true
  }

  private openForWaiters(): void {
    while (this.waiters.length > this.connecting * this.expected) {
      if (!this.tryOpen(this.waiters[this.connecting * this.expected]!.connectTimeoutMs)) return
    }
  }

  private connected(lease: Lease, connection: ClientConnection): void {
    this.connecting--
    lease.connection = connection
    this.open.add(lease)
    this.expected = Math.max(1, connection.capacity)
    this.options.onConnected()
    this.available(lease)
    // It may take fewer than was hoped for.
    this.openForWaiters()
  }

  /** One failed connection fails one request: the one that waits longest. */
  private connectFailed(error: unknown): void {
    this.connecting--
    this.options.breaker.connections.leave()
    const failure = asFailure(error)
    this.options.onConnectFailure(failure)
    const waiter = this.waiters.shift()
    if (waiter !== undefined) this.reject(waiter, failure)
    this.openForWaiters()
  }

  private keep(lease: Lease): void {
    if (lease.idle) return
    lease.idle = true
    lease.idleSweep = this.sweeps
    this.idle.push(lease)
    this.sweeper ??= this.options.clock.after(this.options.idleTimeoutMs / 2, () => this.sweep())
  }

  private retire(lease: Lease): void {
    this.forgetIdle(lease)
    lease.connection.drain()
  }

  /** Closes what has been idle since before the last sweep: no clock is read when a connection comes and goes. */
  private sweep(): void {
    this.sweeper = undefined
    let old = 0
    while (old < this.idle.length && this.idle[old]!.idleSweep < this.sweeps) old++
    for (const lease of this.idle.splice(0, old)) this.retire(lease)
    this.sweeps++
    if (this.idle.length > 0) {
      this.sweeper = this.options.clock.after(this.options.idleTimeoutMs / 2, () => this.sweep())
    }
  }
}

/** A place on a connection, and the connection's place in the pool. Who acquired it calls `send` or `release`, once. */
export class Lease implements ConnectionEvents {
  connection: ClientConnection = NOT_YET
  /** In stock: it takes another request. */
  idle = false
  /** Requests that have a place on the connection and were not sent yet. */
  reserved = 0
  /** Sweep after which it became idle. */
  idleSweep = 0
  private readonly pool: Pool

  constructor(pool: Pool) {
    this.pool = pool
  }

  /** Requests that may still be given a place. */
  get free(): number {
    return this.connection.capacity - this.reserved
  }

  /** Whether the connection still takes a request: it may have closed while its holder did something else. */
  get usable(): boolean {
    return this.connection.capacity > 0
  }

  send(request: OutgoingRequest): Promise<Response> {
    this.reserved--
    const response = this.connection.send(request)
    this.pool.sent(this)
    return response
  }

  /** Gives it back unused. */
  release(): void {
    this.reserved--
    if (this.usable) this.pool.available(this)
  }

  onChange(connection: ClientConnection): void {
    if (this.connection !== connection) return
    if (connection.capacity > 0) this.pool.available(this)
    else this.pool.forgetIdle(this)
  }

  onClose(): void {
    this.pool.closed(this)
  }
}

const NOT_YET: ClientConnection = {
  capacity: 0,
  sent: 0,
  exhausted: false,
  send: () => Promise.reject(new Failure('internal', 'a lease was used before its connection was there')),
  drain: () => {},
  destroy: () => {},
}

const asFailure = (error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure('connect-failure', error instanceof Error ? error.message : String(error))
