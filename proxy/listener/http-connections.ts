/** The HTTP connections that were accepted in one direction: served, counted, and told when it is time to go. */
import type { Clock } from '../../mesh/clock.ts'
import type { Normalise } from '../../mesh/snapshot.ts'
import type { CodecLimits, ServerCodec, ServerConnection } from '../codec/codec.ts'
import type { Http2Defence, Http2Limits } from '../codec/http2/limits.ts'
import type { Failure } from '../failure.ts'
import type { Request, Response } from '../message.ts'
import type { Transport } from '../transport.ts'

export interface HttpConnectionsOptions {
  readonly codec: ServerCodec
  readonly limits: CodecLimits & { readonly http2: Http2Limits }
  readonly clock: Clock
  /** Of the snapshot in force; a connection keeps what it began with. */
  readonly normalise: () => Normalise
  /** A stream or a connection of HTTP/2 was ended in self-defence. */
  readonly onDefence: (defence: Http2Defence) => void
}

/** How the requests of one connection are answered. */
export interface Serving {
  readonly scheme: 'http' | 'https'
  readonly serve: (request: Request) => Promise<Response>
  /** `first`: no request of the connection could be read before. */
  readonly onProtocolError: (failure: Failure, first: boolean) => void
  readonly onConnect?: (authority: string, transport: Transport) => void
}

export class HttpConnections {
  private readonly options: HttpConnectionsOptions
  private readonly open = new Set<ServerConnection>()
  private draining = false

  constructor(options: HttpConnectionsOptions) {
    this.options = options
  }

  /** Takes over a transport. */
  begin(transport: Transport, serving: Serving): void {
    const { codec, limits, clock, normalise, onDefence } = this.options
    const { scheme, serve, onProtocolError, onConnect } = serving
    let first = true
    const connection: ServerConnection = codec(transport, {
      limits,
      http2: limits.http2,
      onDefence,
      clock,
      normalise: normalise(),
      scheme,
      serve: request => {
        first = false
        return serve(request)
      },
      onProtocolError: failure => onProtocolError(failure, first),
      onClose: () => this.open.delete(connection),
      ...(onConnect === undefined
        ? {}
        : {
            onConnect: (authority, taken) => {
              this.open.delete(connection)
              onConnect(authority, taken)
            },
          }),
    })
    this.open.add(connection)
    if (this.draining) connection.drain()
  }

  /** Requests that are being answered. */
  get active(): number {
    let active = 0
    for (const connection of this.open) active += connection.active
    return active
  }

  get size(): number {
    return this.open.size
  }

  /** From now on every answer is the last of its connection; those that are accepted later, too. */
  drain(): void {
    this.draining = true
    this.renew()
  }

  /** Connections that are open now finish and close; those that follow are as good as ever. */
  renew(): void {
    for (const connection of this.open) connection.drain()
  }

  destroy(): void {
    for (const connection of this.open) connection.destroy()
  }
}
