/**
 * The control API over HTTPS. TLS asks every client for a certificate and turns nobody away: who may do what is
 * decided by the caller seam, which answers with a reason instead of a broken handshake.
 */
import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import type { Timer } from '../mesh/clock.ts'
import { systemClock } from './clock.ts'
import type { Control } from './control.ts'
import type { Router } from './router.ts'
import { serverCertificate } from './server-certificate.ts'

export interface ControlServer {
  readonly url: string
  /** Ends what is under way within a moment. */
  close(): Promise<void>
}

export interface ServerOptions {
  readonly app: Router
  readonly control: Control
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** After the certificate was renewed, because it may come from another root now. */
  readonly renewed: () => Promise<void>
}

/** The address cannot be listened on; the message says why. */
export class ListenFailed extends Error {
  readonly code = 'LISTEN_FAILED'
}

const GRACE_MS = 1000
const SWEEP_MS = 20
/** Proxies renew their leases every few seconds: their connections should live that long. */
const KEEP_ALIVE_MS = 75_000
const MAX_RENEWAL_MS = 3_600_000

/** @throws ListenFailed */
export async function startServer(options: ServerOptions): Promise<ControlServer> {
  const { app, control, host, port } = options
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, connectionOf(incoming as IncomingMessage)),
    // Not the global Request and Response of the process that embeds us.
    { overrideGlobalObjects: false },
  )
  const server = createServer(
    {
      ...(await tlsOf(control, host)),
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  const sockets = socketsOf(server)
  await listen(server, host, port)
  const renewal = keepRenewing(server, options)
  return {
    url: urlOf(host, (server.address() as AddressInfo).port),
    async close() {
      renewal.cancel()
      await closeServer(server, sockets)
    },
  }
}

/** One certificate object a connection, so that what was checked about it is remembered with it. */
const certificates = new WeakMap<TLSSocket, X509Certificate>()

function connectionOf(incoming: IncomingMessage) {
  const socket = incoming.socket as TLSSocket
  let certificate = certificates.get(socket)
  if (certificate === undefined) {
    certificate = socket.getPeerX509Certificate()
    if (certificate !== undefined) certificates.set(socket, certificate)
  }
  return { certificate, remoteAddress: socket.remoteAddress }
}

async function tlsOf({ authority, certificateTtlSeconds }: Control, host: string) {
  const certificate = await serverCertificate(authority, host, certificateTtlSeconds)
  return { ...certificate, ca: (await authority.trust()).map(root => root.certificate) }
}

/** Renews at half life, and often enough to follow a new root. */
function keepRenewing(server: Server, { control, host, renewed }: ServerOptions): Timer {
  const everyMs = Math.min(MAX_RENEWAL_MS, control.certificateTtlSeconds * 500)
  const renew = async (): Promise<void> => {
    server.setSecureContext({ ...(await tlsOf(control, host)), minVersion: 'TLSv1.3' })
    await renewed()
  }
  const schedule = (): Timer =>
    control.clock.after(everyMs, () => {
      timer = schedule()
      renew().catch(error => control.log.error({ err: error }, 'the server certificate could not be renewed'))
    })
  let timer = schedule()
  return { cancel: () => timer.cancel() }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new ListenFailed(`cannot listen on ${host}:${port}: ${reasonOf(error)}`, { cause: error })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'not permitted; ports below 1024 take a privilege',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'there is no such host',
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS[code ?? ''] ?? message
}

const REACHABLE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

function urlOf(host: string, port: number): string {
  const reachable = REACHABLE[host] ?? host
  return `https://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

/** Open connections, those in the middle of a handshake too: the server itself does not count these. */
function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/** Connections that become idle only after `close` would live on for as long as they are kept alive. */
async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  let waitedMs = 0
  const sweep = (): Timer =>
    systemClock.after(SWEEP_MS, () => {
      waitedMs += SWEEP_MS
      if (waitedMs < GRACE_MS) server.closeIdleConnections()
      else for (const socket of sockets) socket.destroy()
      timer = sweep()
    })
  let timer = sweep()
  await closed
  timer.cancel()
}
