/** Binding a port and accepting connections, with a sentence for everything that can go wrong. */
import { type AddressInfo, createServer, isIPv6, type Socket } from 'node:net'
import type { Gauge } from '../telemetry/metrics.ts'

export interface ListenOptions {
  readonly host: string
  /** 0: the system picks a free one. */
  readonly port: number
  /** What it is for: "admin", "payments:80". */
  readonly name: string
  readonly maxConnections: number
  readonly connections: Gauge
  readonly onConnection: (socket: Socket) => void
  /** A connection was closed at once because there are `maxConnections`. */
  readonly onOverflow: () => void
}

export interface Listening {
  readonly host: string
  readonly port: number
  /** `host:port`, brackets around IPv6. */
  readonly address: string
  /** Accepts no more; what is open stays. */
  close(): void
}

/** A port that cannot be had; the message says which, why, and what to do. */
export class ListenError extends Error {
  readonly code: string

  constructor(name: string, address: string, error: NodeJS.ErrnoException, port: number) {
    const code = error.code ?? 'unknown error'
    super(`cannot listen on ${address} for ${name}: ${code}${remedy(code, port)}`)
    this.name = 'ListenError'
    this.code = code
  }
}

function remedy(code: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return '; another process has that port: stop it or choose another port'
    case 'EACCES':
      return port < 1024
        ? '; ports below 1024 need net.ipv4.ip_unprivileged_port_start=0, or SELVAGE_INTERCEPTION=explicit'
        : '; the system does not allow it'
    case 'EADDRNOTAVAIL':
      return '; this machine does not answer on that address (on macOS only 127.0.0.1 does): use SELVAGE_INTERCEPTION=explicit'
    default:
      return ''
  }
}

/** Rejects with a `ListenError`. */
export function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, name, maxConnections, connections, onConnection, onOverflow } = options
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    connections.inc()
    socket.once('close', () => connections.dec())
    // Until a transport takes it over, a broken connection is nobody's business.
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.maxConnections = maxConnections
  server.on('drop', onOverflow)
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(name, joinAddress(host, port), error, port)),
    )
    server.listen({ host, port, backlog: 1024 }, () => {
      const bound = (server.address() as AddressInfo).port
      resolve({ host, port: bound, address: joinAddress(host, bound), close: () => server.close() })
    })
  })
}

export const joinAddress = (host: string, port: number): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
