/**
 * One request on its way through the sidecar, its attempts, and the lists of filters that it passes.
 *
 * A handler's promise resolves at the response head; the exchange ends later, when the last byte has gone or
 * something broke. What belongs to the end (duration, bytes, trailers) hangs on `exchange.onEnd`; what belongs to
 * one try (breaker slots, endpoint statistics) hangs on `attempt.onEnd`.
 */
import type { Route } from '../mesh/snapshot.ts'
import type { BodySource } from './body.ts'
import { Failure } from './failure.ts'
import type { HeaderBlock } from './header-block.ts'
import { HeaderEdits } from './header-block.ts'
import type { MessageEnd, OutgoingRequest, Request, Response } from './message.ts'
import type { Cluster } from './upstream/cluster.ts'
import type { Endpoint } from './upstream/endpoint.ts'

export type Handler<X> = (x: X) => Promise<Response>
export type Filter<X> = (next: Handler<X>) => Handler<X>

/** Builds one handler from filters in request order: the first sees the request first and the response last. */
export function stack<X>(filters: readonly Filter<X>[], last: Handler<X>): Handler<X> {
  return filters.reduceRight<Handler<X>>((next, filter) => filter(next), last)
}

/** The end of the list above the attempts: each call makes a new attempt of the exchange. */
export const eachAttempt =
  (attempt: Handler<Attempt>): Handler<Exchange> =>
  exchange =>
    attempt(exchange.newAttempt())

/** How a request reached the sidecar; the same value for every request of a connection. */
export interface Arrival {
  readonly direction: 'inbound' | 'outbound'
  /** Service that was dialled, known from the listener, the proxy request or SNI: never from the Host header. */
  readonly service: string
  /** Port that was dialled. */
  readonly port: number
  /** Workload that the peer's certificate proves (`payments/v1`), inbound only. */
  readonly source: string | undefined
  /** The peer's SPIFFE ID. */
  readonly sourceId: string | undefined
  /** The peer speaks to us over mesh mTLS, so that its `x-selvage-*` fields may be believed. */
  readonly meshPeer: boolean
  readonly tlsProtocol: string | undefined
  /** `ip:port` of the peer, for logs. */
  readonly remoteAddress: string
}

/** Everything known when an exchange is over. One object per exchange, filled as it goes. */
export interface ExchangeRecord {
  status: number
  /** Envoy's response flag, `-` when all went well. */
  flag: string
  /** One sentence, when something went wrong. */
  reason: string | undefined
  requestBytes: number
  responseBytes: number
  grpcStatus: number | undefined
  /** Milliseconds from the request head to the response head, and to the end. */
  headMs: number
  durationMs: number
  attempts: number
}

export class Exchange {
  readonly request: Request
  readonly arrival: Arrival
  /** `clock.monotonic()` at the request head. */
  readonly startedMs: number
  /** The request's body, or what a filter put in its place (retry buffers it). */
  body: BodySource
  /** Changes that filters want in the request on its way out. */
  edits: HeaderEdits | undefined
  /** Set by the filter `route`; pinned: a new snapshot does not change it. */
  route: Route | undefined
  /** Drawn once per request by weight; retries stay within it. */
  cluster: Cluster | undefined
  /** Dial port at the target. */
  targetPort = 0
  /** Attempts so far, in order. */
  readonly attempts: Attempt[] = []
  /** Set by `trace` when this request is sampled. */
  span: unknown
  readonly record: ExchangeRecord
  private readonly endListeners: ((exchange: Exchange) => void)[] = []
  private over: Failure | true | undefined

  constructor(request: Request, arrival: Arrival, startedMs: number) {
    this.request = request
    this.arrival = arrival
    this.startedMs = startedMs
    this.body = request.body
    this.record = {
      status: 0,
      flag: '-',
      reason: undefined,
      requestBytes: 0,
      responseBytes: 0,
      grpcStatus: undefined,
      headMs: 0,
      durationMs: 0,
      attempts: 0,
    }
    request.onAbort = failure => this.abort(failure)
  }

  /** Runs when the exchange is over, exactly once, on abort too; in the order in which filters asked. */
  onEnd(listener: (exchange: Exchange) => void): void {
    this.endListeners.push(listener)
  }

  newAttempt(): Attempt {
    const attempt = new Attempt(this)
    this.attempts.push(attempt)
    this.record.attempts = this.attempts.length
    return attempt
  }

  /** The client is gone: every attempt that still runs is cancelled. */
  abort(failure: Failure): void {
    if (this.over !== undefined) return
    this.over = failure
    for (const attempt of this.attempts) attempt.cancel(failure)
  }

  /** Why the exchange was aborted; filters that wait look here before they go on. */
  get aborted(): Failure | undefined {
    return this.over instanceof Failure ? this.over : undefined
  }

  editRequest(): HeaderEdits {
    this.edits ??= new HeaderEdits()
    return this.edits
  }

  /** Called by who owns the exchange (the listener), once. */
  finish(end: MessageEnd, nowMs: number): void {
    this.over ??= true
    const record = this.record
    record.requestBytes = end.requestBytes
    record.responseBytes = end.responseBytes
    record.durationMs = nowMs - this.startedMs
    if (end.failure !== undefined && record.flag === '-') {
      record.flag = end.failure.row.flag
      record.reason = end.failure.message
    }
    for (const listener of this.endListeners) listener(this)
  }
}

/**
 * One try of an exchange. It has its own endpoint, header overlay, body cursor and `cancel`; the exchange is
 * read-only from here. Several attempts may run at once (hedging).
 */
export class Attempt implements OutgoingRequest {
  readonly exchange: Exchange
  /** 1 for the first try. */
  readonly number: number
  readonly body: BodySource
  edits: HeaderEdits | undefined
  /** Set by `balance`. */
  endpoint: Endpoint | undefined
  /** Installed by the client codec while the attempt runs: stops it and frees what it holds. */
  onCancel: ((failure: Failure) => void) | undefined
  private cancelled: Failure | undefined
  private ended = false
  private readonly endListeners: ((failure: Failure | undefined) => void)[] = []

  constructor(exchange: Exchange) {
    this.exchange = exchange
    this.number = exchange.attempts.length + 1
    this.body = exchange.body
    this.edits = exchange.edits
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
    if (this.ended || this.cancelled !== undefined) return
    this.cancelled = failure
    this.onCancel?.(failure)
  }

  get cancelledBy(): Failure | undefined {
    return this.cancelled
  }

  /** Runs when the attempt is over, exactly once: undefined when the whole response was delivered. */
  whenEnded(listener: (failure: Failure | undefined) => void): void {
    this.endListeners.push(listener)
  }

  /** `OutgoingRequest.onEnd`: called by the client codec, or by who gave up before a codec had it. */
  onEnd(failure: Failure | undefined): void {
    if (this.ended) return
    this.ended = true
    for (const listener of this.endListeners) listener(failure)
  }
}
