/**
 * The seam between upstream state and sockets: how a connection to a destination is made. The proxy's own
 * implementation speaks TLS with the workload's certificate; tests connect to nothing at all.
 */
import type { Protocol } from '../../mesh/snapshot.ts'
import type { ClientConnection } from '../codec/codec.ts'
import type { Transport } from '../transport.ts'

/** Where a connection leads and what the other side must prove. Connections to one destination are interchangeable. */
export interface Destination {
  /** IP address or host name. */
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
  /** Undefined: plain TCP (an app, an upstream outside the mesh). */
  readonly tls: DestinationTls | undefined
}

export interface DestinationTls {
  /** Names workload, service and port to the peer's sidecar. */
  readonly serverName: string
  /** SPIFFE ID that the peer's certificate must carry. */
  readonly identity: string
}

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** Its capacity went up, or it takes no more. */
  onChange(connection: ClientConnection): void
  /** It is gone. Called once, and not before `connect` has resolved. */
  onClose(connection: ClientConnection): void
}

export interface Connector {
  /**
   * Opens a connection for HTTP requests; TLS handshake and identity check included. Rejects with a `Failure`
   * (`connect-failure`, `connect-timeout`, `peer-untrusted`). `timeoutMs` 0: no limit.
   */
  connect(destination: Destination, timeoutMs: number, events: ConnectionEvents): Promise<ClientConnection>
  /** Requests that a connection will probably take at once, known before it is there; 1 when left out. */
  expectedCapacity?(destination: Destination): number
  /** Opens a connection for plain bytes, for TCP and for health checks; rejects as `connect` does. */
  open(destination: Destination, timeoutMs: number): Promise<Transport>
}
