/**
 * The codec seam: a protocol is a way to read requests from a connection (server side) and a way to send them
 * on one (client side). `http1/` and `http2/` have the same two functions.
 */

import type { Clock } from '../../mesh/clock.ts'
import type { Normalise } from '../../mesh/snapshot.ts'
import type { Failure } from '../failure.ts'
import type { OutgoingRequest, Request, Response } from '../message.ts'
import type { Transport } from '../transport.ts'
import type { Http2Defence, Http2Limits } from './http2/limits.ts'

/** Bounds on what one connection may make us hold or wait for. 0 switches a timeout off. */
export interface CodecLimits {
  readonly maxHeaderBytes: number
  readonly maxHeaderCount: number
  /** Of a request line or status line. */
  readonly maxLineBytes: number
  /** Of a request body; 0: no bound (bodies stream, they are never held). */
  readonly maxBodyBytes: number
  /** What a client may send ahead of the answer that it waits for (pipelining); beyond that it is not read. */
  readonly maxReadAheadBytes: number
  readonly headerTimeoutMs: number
  /** Longest wait for the next byte of a body, and for a reader to take the next byte of one. */
  readonly bodyIdleTimeoutMs: number
  /** Between requests. */
  readonly keepAliveTimeoutMs: number
}

export interface ServerOptions {
  readonly limits: CodecLimits
  readonly normalise: Normalise
  readonly scheme: 'http' | 'https'
  readonly clock: Clock
  /** Answers one request. Never rejects. */
  readonly serve: (request: Request) => Promise<Response>
  /** A message that cannot be read: answered with 4xx and closed by the codec; told here for the log. */
  readonly onProtocolError: (failure: Failure) => void
  readonly onClose: () => void
  /**
   * Takes over a connection whose request asks for a tunnel (CONNECT): explicit proxy listeners give it, others
   * leave it out and the codec refuses. The transport begins paused, with what came behind the request; `onClose` is
   * not called any more. Answer with `CONNECTED` or `failureReply` (`http1/own-reply.ts`).
   */
  readonly onConnect?: (authority: string, transport: Transport) => void
  /** HTTP/2 only; `DEFAULT_HTTP2_LIMITS` when left out. */
  readonly http2?: Http2Limits
  /** HTTP/2 only: a stream or the connection was ended in self-defence. */
  readonly onDefence?: (defence: Http2Defence) => void
}

export interface ServerConnection {
  /** Requests that are being answered. */
  readonly active: number
  /**
   * Finish what runs, then close; answers say so (`Connection: close`). A connection without a request stays for
   * one more second, in case one is on its way already.
   */
  drain(): void
  destroy(): void
}

export type ServerCodec = (transport: Transport, options: ServerOptions) => ServerConnection

export interface ClientOptions {
  readonly limits: CodecLimits
  readonly clock: Clock
  /**
   * The other side is a sidecar of this mesh, proven by mTLS: it announces each non-idempotent request that it
   * hands to its app with an interim 102, so that one whose connection broke without it has not reached the app
   * (`Failure` `not-processed`; `http1/client.ts` says why that is sound). From others a 102 proves nothing.
   */
  readonly meshPeer: boolean
  /** `capacity` went up, or the connection can take no more. */
  readonly onChange: (connection: ClientConnection) => void
  readonly onClose: (connection: ClientConnection) => void
  /** As in `ServerOptions`. */
  readonly http2?: Http2Limits
  readonly onDefence?: (defence: Http2Defence) => void
}

export interface ClientConnection {
  /** Requests that may be sent now; 0 while busy, draining or closed. */
  readonly capacity: number
  /** Requests sent so far. */
  readonly sent: number
  /** Takes no further request, ever: drained, closing, or the other side said `Connection: close`. */
  readonly exhausted: boolean
  /**
   * Sends a request; resolves at the final response head, rejects with a `Failure` whose safety says how far it
   * got. `request.onEnd` is called when the response's last byte was delivered or anything broke;
   * `request.onCancel` is set while it may be stopped.
   */
  send(request: OutgoingRequest): Promise<Response>
  /** Takes no more; closes when idle. */
  drain(): void
  destroy(failure?: Failure): void
}

export type ClientCodec = (transport: Transport, options: ClientOptions) => ClientConnection
