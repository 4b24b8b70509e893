/**
 * One request on its way through the sidecar, and the lists of filters that it passes.
 *
 * A handler's promise resolves at the response head; the exchange ends later, when the last byte has gone or
 * something broke. What belongs to the end (duration, bytes, trailers) hangs on `exchange.onEnd`; what belongs to
 * one try (breaker slots, endpoint statistics) hangs on `attempt.whenEnded`.
 */
import type { Clock } from '../mesh/clock.ts'
import type { RequestView } from '../mesh/match.ts'
import type { Timeout } from '../mesh/policy/timeout.ts'
import { Attempt } from './attempt.ts'
import type { BodySource } from './body.ts'
import { EndListeners } from './end-listeners.ts'
import { Failure } from './failure.ts'
import { HeaderEdits } from './header-block.ts'
import type { MessageEnd, Request, Response } from './message.ts'
import type { Span } from './telemetry/tracer.ts'
import type { App, Backend } from './upstream/backend.ts'

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

/** What a server codec calls for each request of a connection: `serve: serving(handler, clock, arrival)`. */
export const serving =
  (handler: Handler<Exchange>, clock: Clock, arrival: Arrival): ((request: Request) => Promise<Response>) =>
  request =>
    handler(new Exchange(request, arrival, clock))

/** How a request reached the sidecar; the same value for every request of a connection. */
export interface Arrival {
  readonly direction: 'inbound' | 'outbound'
  /** Service that was dialled, known from the listener, the proxy request or SNI: never from the Host header. */
  readonly service: string
  /** Port that was dialled. */
  readonly port: number
  /** Workload that calls: inbound the one that the peer's certificate proves (`payments/v1`), outbound our own. */
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
export class ExchangeRecord {
  status = 0
  /** Envoy's response flag, `-` when all went well. */
  flag = '-'
  /** One sentence, when something went wrong. */
  reason: string | undefined = undefined
  requestBytes = 0
  responseBytes = 0
  grpcStatus: number | undefined = undefined
  /** Milliseconds from the request head to the response head, and to the end. */
  headMs = 0
  durationMs = 0
  attempts = 0
}

/** It is also what routes and access rules are matched against. */
export class Exchange implements RequestView {
  readonly request: Request
  readonly arrival: Arrival
  readonly clock: Clock
  /** `clock.monotonic()` at the request head. */
  readonly startedMs: number
  /** What the next attempt sends: the request's body, or what a filter put in its place (retry keeps a copy). */
  body: BodySource
  /** Changes that filters want in the request on its way out. */
  edits: HeaderEdits | undefined = undefined
  /** Outbound, set by `route`: where the request goes. Pinned: a new snapshot does not change it. */
  backend: Backend | undefined = undefined
  /** Inbound, set by `route`: the app's port. */
  app: App | undefined = undefined
  /** Set by `route`, from the matched route or the app's port. */
  timeout: Timeout | undefined = undefined
  /** Set by `trace` when this request is recorded. */
  span: Span | undefined = undefined
  /** The attempts before it hang on `previous`. */
  lastAttempt: Attempt | undefined = undefined
  readonly record = new ExchangeRecord()
  /** Set by who waits while no attempt runs (retry between two tries): called when the exchange is stopped. */
  onStop: ((failure: Failure) => void) | undefined = undefined
  private readonly ends = new EndListeners<[exchange: Exchange]>()
  private stoppedBy: Failure | undefined = undefined
  private finished = false
  /** The answer is the sidecar's own: no attempt has a part in it. */
  private ownAnswer = false

  constructor(request: Request, arrival: Arrival, clock: Clock) {
    this.request = request
    this.arrival = arrival
    this.clock = clock
    this.startedMs = clock.monotonic()
    this.body = request.body
    request.onAbort = failure => this.stop(failure)
    request.onEnd = end => this.finish(end)
  }

  get method(): string {
    return this.request.method
  }
  get host(): string {
    return withoutPort(this.request.authority)
  }
  get path(): string {
    return this.request.path
  }
  get query(): string {
    return this.request.query
  }
  get scheme(): 'http' | 'https' {
    return this.request.scheme
  }
  get port(): number {
    return this.arrival.port
  }
  get source(): string | undefined {
    return this.arrival.source
  }
  header(name: string): string | undefined {
    return this.request.headers.get(name)
  }

  /** Runs when the exchange is over, exactly once, on abort too; in the order in which filters asked. */
  onEnd(listener: (exchange: Exchange) => void): void {
    this.ends.add(listener)
  }

  newAttempt(): Attempt {
    const attempt = new Attempt(this)
    this.lastAttempt = attempt
    this.record.attempts = attempt.number
    if (this.stoppedBy !== undefined) attempt.cancel(this.stoppedBy)
    return attempt
  }

  /**
   * The client is gone, or time is up: whoever works for this exchange gives up with that failure, in the middle
   * of a response body, too. The first failure counts.
   */
  stop(failure: Failure): void {
    if (this.finished || this.stoppedBy !== undefined) return
    this.stoppedBy = failure
    cancelAll(this.lastAttempt, failure)
    this.onStop?.(failure)
  }

  /** Why the exchange was stopped; filters that wait look here before they go on. */
  get stopped(): Failure | undefined {
    return this.stoppedBy
  }

  editRequest(): HeaderEdits {
    this.edits ??= new HeaderEdits()
    return this.edits
  }

  /** There is an answer: from here on only its body is missing. */
  answered(status: number): void {
    this.record.status = status
    this.record.headMs = this.clock.monotonic() - this.startedMs
  }

  /** The same, when the answer is the sidecar's own. */
  answeredOurselves(status: number): void {
    this.ownAnswer = true
    this.answered(status)
  }

  private finish(end: MessageEnd): void {
    if (this.finished) return
    const failure = end.failure ?? this.stoppedBy
    if (end.failure !== undefined) this.stop(end.failure)
    this.finished = true
    // Answers that were thrown away may still be arriving; only the last attempt's can be the client's.
    cancelAll(this.ownAnswer ? this.lastAttempt : this.lastAttempt?.previous, DISCARDED)
    const record = this.record
    record.requestBytes = end.requestBytes
    record.responseBytes = end.responseBytes
    record.durationMs = this.clock.monotonic() - this.startedMs
    if (failure !== undefined && record.flag === '-') {
      record.flag = failure.row.flag
      record.reason = failure.message
    }
    const grpcStatus = end.trailers?.get('grpc-status')
    if (grpcStatus !== undefined) record.grpcStatus = Number(grpcStatus)
    this.ends.tell(this)
  }
}

const DISCARDED = new Failure('cancelled', 'the request was answered without this attempt')

/** Cancels an attempt and those before it. */
function cancelAll(last: Attempt | undefined, failure: Failure): void {
  for (let attempt = last; attempt !== undefined; attempt = attempt.previous) attempt.cancel(failure)
}

function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':')
  return colon === -1 || colon < authority.lastIndexOf(']') ? authority : authority.slice(0, colon)
}
