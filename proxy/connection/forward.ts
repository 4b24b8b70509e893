/** The end of the lists: the other connection, and bytes both ways until one side breaks or both have ended. */
import type { Clock } from '../../mesh/clock.ts'
import { type TunnelEnd, tunnel } from '../codec/tcp/tunnel.ts'
import { Failure } from '../failure.ts'
import type { Transport } from '../transport.ts'
import type { Connector } from '../upstream/connector.ts'
import type { Connection, ConnectionHandler } from './connection.ts'

export interface ForwardDependencies {
  readonly clock: Clock
  readonly connector: Connector
}

/** Outbound: to the endpoint that `balance` chose. */
export const forward =
  ({ clock, connector }: ForwardDependencies): ConnectionHandler =>
  async connection => {
    const { backend, endpoint } = connection
    if (backend === undefined || endpoint === undefined) {
      throw new Failure('internal', 'a connection was forwarded before it had an endpoint')
    }
    const { connectMs, tcpIdleMs } = backend.route.timeout
    const upstream = await connector.open(endpoint.destination(backend.port), connectMs)
    backend.rotation.observe(endpoint, 'well')
    await carry(connection, upstream, tcpIdleMs, clock)
  }

/** Inbound: to the app, under its limit of connections. */
export const forwardToApp =
  ({ clock, connector }: ForwardDependencies): ConnectionHandler =>
  async connection => {
    const { app } = connection
    if (app === undefined)
      throw new Failure('internal', 'a connection was forwarded before its app was known')
    const { connections } = app.pool.breaker
    if (!connections.enter()) {
      throw new Failure('overflow', `the app has ${connections.max} connections already (maxConnections)`)
    }
    try {
      const { connectMs, tcpIdleMs } = app.inbound.timeout
      await carry(connection, await connector.open(app.pool.destination, connectMs), tcpIdleMs, clock)
    } finally {
      connections.leave()
    }
  }

async function carry(
  connection: Connection,
  upstream: Transport,
  idleTimeoutMs: number,
  clock: Clock,
): Promise<void> {
  const { transport } = connection
  if (connection.stopped !== undefined || transport.destroyed) {
    upstream.destroy()
    throw connection.stopped ?? new Failure('downstream-gone', 'the client left before it was connected')
  }
  const end = await new Promise<TunnelEnd>(onEnd => {
    const flow = tunnel(transport, upstream, { clock, idleTimeoutMs, onEnd })
    connection.onStop = failure => flow.cancel(failure)
  })
  connection.receivedBytes = end.sentBytes
  connection.sentBytes = end.receivedBytes
  if (end.failure !== undefined) throw end.failure
}
