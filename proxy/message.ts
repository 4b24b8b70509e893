/** Requests and responses as the filters see them, whatever the codec. */
import type { BodySource } from './body.ts'
import type { Failure } from './failure.ts'
import type { HeaderBlock } from './header-block.ts'
import { HeaderEdits } from './header-block.ts'

/**
 * A request that a server codec has read the head of. `path` was normalised by the codec: match, access and
 * forwarding use this one value.
 */
export interface Request {
  readonly method: string
  readonly scheme: 'http' | 'https'
  /** Host and optional port as the client named them, lower case (`:authority`, Host, or absolute-form). */
  readonly authority: string
  /** Normalised path, without the query. `*` for OPTIONS in asterisk-form. */
  readonly path: string
  /** Raw query without `?`; empty when there is none. */
  readonly query: string
  readonly headers: HeaderBlock
  readonly body: BodySource
  /** The client said `Expect: 100-continue` and waits; the codec answers 100 when the body is first piped. */
  readonly expectsContinue: boolean
  /** Set by who serves the request; called once if the client goes away or breaks the protocol before the end. */
  onAbort: ((failure: Failure) => void) | undefined
  /** Set by who serves the request; called exactly once, when the last byte of the response was handed over or the exchange was aborted. */
  onEnd: ((end: MessageEnd) => void) | undefined
  /**
   * For a request of a mesh peer that is about to be handed to the app: tells the peer so with an interim
   * `102 Processing`, and resolves when those bytes have left the process; only then may the app get the
   * request. The peer concludes from a connection that broke without a 102 that no app saw the request, and
   * tries elsewhere whatever the method. Undefined when nothing needs to be said: the method is idempotent (its
   * retry is safe anyway), or it was said already. Rejects with a `Failure` if the client is gone by then.
   */
  announceProcessing(): Promise<void> | undefined
  /**
   * Passes on an interim response (RFC 9110 15.2) that came from where the request went, as `103 Early Hints`.
   * Ignored once the final response has begun, and for clients that speak HTTP/1.0.
   */
  sendInterim(status: number, headers: HeaderBlock): void
  /**
   * Body bytes that came in from the client plus body bytes that went out to it so far. Idle timeouts look at it
   * now and then: while it grows, the exchange is alive, and no chunk has to touch a timer.
   */
  readonly bytesMoved: number
  /** The whole request has been read, its trailers too. */
  readonly complete: boolean
}

/** RFC 9110 9.2.2. Methods are case-sensitive. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Whether a request may be sent again when nobody knows what became of the first. */
export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method)

/** What the server codec knows when a request is over. */
export interface MessageEnd {
  readonly requestBytes: number
  readonly responseBytes: number
  /** Why it ended early; undefined when all went well. */
  readonly failure: Failure | undefined
  /** Of the response, for gRPC. */
  readonly trailers: HeaderBlock | undefined
}

export interface Response {
  /** 200–599. Interim responses never reach the filters. */
  readonly status: number
  readonly headers: HeaderBlock
  readonly body: BodySource
  /** Changes that filters want on the way out. Created on first use by `editsOf`. */
  edits: HeaderEdits | undefined
}

/** The changes to a response's header section, created on first use. */
export function editsOf(response: Response): HeaderEdits {
  response.edits ??= new HeaderEdits()
  return response.edits
}

/** What a client codec writes: the head of an attempt. */
export interface OutgoingRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  readonly edits: HeaderEdits | undefined
  readonly body: BodySource
  /** Installed by the client codec while the request runs: stops it and frees what it holds. */
  onCancel: ((failure: Failure) => void) | undefined
  /** Called by the client codec for each interim response that is meant for the client: not for 100. */
  onInterim?(status: number, headers: HeaderBlock): void
  /** Called by the client codec exactly once: undefined when the whole response was delivered, else why not. */
  onEnd(failure: Failure | undefined): void
}
