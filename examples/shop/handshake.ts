/** The demo knocks at a sidecar itself, as a stranger: TLS, but no certificate of the mesh. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'

export interface Door {
  readonly host: string
  readonly port: number
  /** SNI: which workload is wanted. */
  readonly serverName: string
  /** PEM of the mesh's root: who answers must prove that he belongs to it. */
  readonly root: string
}

export interface Knock {
  readonly protocol: string
  /** SPIFFE ID in the certificate that the sidecar showed. */
  readonly peer: string
  /** What the stranger got to see; undefined: it was let in. */
  readonly refusedBy: string | undefined
}

const PATIENCE_MS = 5_000

/** @throws when there was no handshake at all, or the certificate does not belong to the mesh */
export function knock(door: Door): Promise<Knock> {
  return new Promise((resolve, reject) => {
    const socket = connect(optionsOf(door))
    let shown: Omit<Knock, 'refusedBy'> | undefined
    const end = (refusedBy: string | undefined, error?: Error) => {
      socket.destroy()
      if (shown !== undefined) resolve({ ...shown, refusedBy })
      else reject(error ?? new Error(`${door.serverName}: the connection ended before the handshake`))
    }
    socket.setTimeout(PATIENCE_MS, () => end(undefined, new Error(`${door.serverName}: no handshake`)))
    socket.once('secureConnect', () => {
      shown = { protocol: socket.getProtocol() ?? 'none', peer: peerOf(socket) }
      // In TLS 1.3 the client is done before the server has judged it: ask, and see what comes.
      socket.write(`GET / HTTP/1.1\r\nhost: ${door.serverName}\r\n\r\n`)
    })
    socket.once('data', () => end(undefined))
    socket.once('error', error => end(readable(error), error))
    socket.once('close', () => end('the connection was closed'))
  })
}

/** Whether TLS 1.2 is spoken there; what is refused to a stranger's hello is refused to everybody's. */
export function speaksTls12(door: Door): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ ...optionsOf(door), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
    const end = (spoken: boolean) => {
      socket.destroy()
      resolve(spoken)
    }
    socket.setTimeout(PATIENCE_MS, () => end(true))
    socket.once('secureConnect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
  })
}

const optionsOf = ({ host, port, serverName, root }: Door): ConnectionOptions => ({
  host,
  port,
  servername: serverName,
  ca: root,
  ALPNProtocols: ['selvage-h1'],
  // The chain is checked against the root; names in the mesh are SPIFFE IDs, which the caller of this looks at.
  checkServerIdentity: () => undefined,
})

const peerOf = (socket: TLSSocket): string =>
  /URI:([^,]+)/.exec(socket.getPeerCertificate().subjectaltname ?? '')?.[1] ?? 'none'

const readable = (error: Error & { code?: string }): string =>
  /CERTIFICATE_REQUIRED/.test(error.code ?? '') ? 'certificate required' : (error.code ?? error.message)
