/** A real TLS connection on loopback between two certificates; fails unless each end accepts the other. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'

export interface End {
  readonly key: string
  readonly cert: string
}

export async function handshake(server: End, client: End, ca: string[]) {
  const listener = createServer({ ...server, ca, requestCert: true, rejectUnauthorized: true })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    listener.once('secureConnection', resolve)
    listener.once('tlsClientError', reject)
  })
  const { port } = listener.address() as AddressInfo
  const socket = connect({ ...client, ca, host: '127.0.0.1', port, checkServerIdentity: () => undefined })
  try {
    const [peer] = await Promise.all([accepted, once(socket, 'secureConnect')])
    return {
      protocol: socket.getProtocol(),
      client: peer.getPeerX509Certificate()?.subjectAltName,
      server: socket.getPeerX509Certificate()?.subjectAltName,
    }
  } finally {
    socket.destroy()
    listener.close()
  }
}
