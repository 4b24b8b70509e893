import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { createAuthority } from './authority.ts'

type Pair<S> = [accepted: S, connected: S]

/** Two ends of one TCP connection on loopback. */
export async function socketPair(): Promise<Pair<Socket>> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  const port = await listening(server)
  const connected = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(connected, 'connect')])
  server.close()
  return [accepted as Socket, connected]
}

let pem: Promise<{ cert: string; key: string; ca: string }> | undefined

async function credentials() {
  const authority = await createAuthority()
  const { certificatePem, privateKeyPem } = await authority.leaf('web')
  return { cert: certificatePem, key: privateKeyPem, ca: authority.certificatePem }
}

/** Two ends of one TLS connection on loopback; both show a certificate. */
export async function tlsPair(): Promise<Pair<TLSSocket>> {
  pem ??= credentials()
  const options = { ...(await pem), minVersion: 'TLSv1.3' } as const
  const server = createTlsServer({ ...options, requestCert: true, ALPNProtocols: ['selvage-h1'] })
  const port = await listening(server)
  const connected = connectTls({
    ...options,
    port,
    host: '127.0.0.1',
    servername: '80.web.web.shop.internal',
    ALPNProtocols: ['selvage-h1'],
    checkServerIdentity: () => undefined,
  })
  const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(connected, 'secureConnect')])
  server.close()
  return [accepted as TLSSocket, connected]
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
