/** One try of an exchange, from the filters below `retry` down to the codec. */
import type { BodySource } from './body.ts'
import { EndListeners } from './end-listeners.ts'
import type { Exchange } from './exchange.ts'
import { Failure } from './failure.ts'
import type { HeaderBlock, HeaderEdits } from './header-block.ts'
import type { OutgoingRequest } from './message.ts'
import type { Backend } from './upstream/backend.ts'
import type { Endpoint } from './upstream/endpoint.ts'

/**
 * One try of an exchange. It has its own endpoint, body cursor and `cancel`; the exchange is read-only from here.
 * Several attempts may run at once (hedging).
 */
export class Attempt implements OutgoingRequest {
  readonly exchange: Exchange
  /** 1 for the first try. */
  readonly number: number
  readonly previous: Attempt | undefined
  readonly body: BodySource
  /** The exchange's, or what a filter below `retry` has put in their place: never changed, they may be shared. */
  edits: HeaderEdits | undefined
  /** Set by `balance`. */
  endpoint: Endpoint | undefined = undefined
  /** Of the response; 0 until `forward` has seen its head. */
  status = 0
  /** Response flag in the answer of the peer's sidecar: it speaks for itself, not for its app. */
  peerFlag: string | undefined = undefined
  /** Installed by who holds the attempt at the moment (pool, client codec): stops it and frees what it holds. */
  onCancel: ((failure: Failure) => void) | undefined = undefined
  private cancelled: Failure | undefined = undefined
  private over = false
  /** The whole response is here, but nobody has seen its head yet. */
  private delivered = false
  private endedBy: Failure | undefined = undefined
  private readonly ends = new EndListeners<[attempt: Attempt, failure: Failure | undefined]>()

  constructor(exchange: Exchange) {
    this.exchange = exchange
    this.previous = exchange.lastAttempt
    this.number = this.previous === undefined ? 1 : this.previous.number + 1
    this.body = exchange.body
    this.edits = exchange.edits
  }

  /** Where it goes. Throws a `Failure` if no filter `route` came before. */
  get backend(): Backend {
    const { backend } = this.exchange
    if (backend === undefined) throw new Failure('internal', 'an attempt was made before the route was known')
    return backend
  }

  get method(): string {
    return this.exchange.request.method
  }
  get scheme(): 'http' | 'https' {
    return this.exchange.request.scheme
  }
  get authority(): string {
    return this.exchange.request.authority
  }
  get path(): string {
    return this.exchange.request.path
  }
  get query(): string {
    return this.exchange.request.query
  }
  get headers(): HeaderBlock {
    return this.exchange.request.headers
  }

  /** Stops this try: a per-try timeout, a client that left, a hedge that lost. Idempotent. */
  cancel(failure: Failure): void {
    if (this.over || this.delivered || this.cancelled !== undefined) return
    this.cancelled = failure
    this.onCancel?.(failure)
  }

  get cancelledBy(): Failure | undefined {
    return this.cancelled
  }

  get ended(): boolean {
    return this.over
  }

  /** Runs when the attempt is over, exactly once; `failure` is undefined when the whole response was delivered. */
  whenEnded(listener: (attempt: Attempt, failure: Failure | undefined) => void): void {
    if (this.over) listener(this, this.endedBy)
    else this.ends.add(listener)
  }

  /** By `forward`: the head of the response is here. */
  answered(status: number, peerFlag: string | undefined): void {
    this.status = status
    this.peerFlag = peerFlag
    if (this.delivered) this.end(undefined)
  }

  /** `OutgoingRequest.onInterim`: the client may see it, too. */
  onInterim(status: number, headers: HeaderBlock): void {
    this.exchange.request.sendInterim(status, headers)
  }

  /**
   * `OutgoingRequest.onEnd`: called by the client codec once it has the attempt. A short response ends before its
   * head was looked at; whoever listens for the end wants to know the status.
   */
  onEnd(failure: Failure | undefined): void {
    if (failure === undefined && this.status === 0) this.delivered = true
    else this.end(failure)
  }

  private end(failure: Failure | undefined): void {
    if (this.over) return
    this.over = true
    this.endedBy = failure
    this.ends.tell(this, failure)
  }

  /** Gives up before a codec had it: ends the attempt and rejects. */
  fail(failure: Failure): Promise<never> {
    this.onEnd(failure)
    return Promise.reject(failure)
  }
}
