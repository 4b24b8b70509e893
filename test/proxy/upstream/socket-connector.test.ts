import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import { SecureContexts } from '../../../proxy/identity/secure-contexts.ts'
import { SocketConnector } from '../../../proxy/upstream/socket-connector.ts'
import { createAuthority, type TestAuthority } from '../../support/authority.ts'
import { testSettings } from '../../support/proxy.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const PAYMENTS = 'spiffe://shop/workload/payments'
const tls = { serverName: '80.payments.payments.shop.internal', identity: PAYMENTS }

async function connector(authority: TestAuthority | undefined) {
  const contexts = new SecureContexts()
  if (authority !== undefined) contexts.use(await authority.identity('web'))
  return new SocketConnector({
    contexts,
    limits: testSettings('web').limits,
    clock: systemClock,
  })
}

async function listening(server: ReturnType<typeof createServer>) {
  const sockets = new Set<Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

async function peer(
  authority: TestAuthority,
  workload: string,
  options: TlsOptions = { ALPNProtocols: ['selvage-h1'] },
) {
  const { certificatePem, privateKeyPem } = await authority.leaf(workload)
  return listening(
    createTlsServer({ cert: certificatePem, key: privateKeyPem, ...options }, socket =>
      socket.on('error', () => {}),
    ),
  )
}

const to = (port: number) => ({ address: '127.0.0.1', port, protocol: 'http', tls }) as const

describe('SocketConnector', () => {
  test('opens mutual TLS to the workload that it expects', async () => {
    const authority = await createAuthority()
    const port = await peer(authority, 'payments')
    const transport = await (await connector(authority)).open(to(port), 1000)
    closing.push(() => transport.destroy())
    expect(transport.tls).toMatchObject({ protocol: 'TLSv1.3', alpn: 'selvage-h1', peerId: PAYMENTS })
  })

  test.for([
    [
      'is another workload',
      'mallory',
      { ALPNProtocols: ['selvage-h1'] },
      `is spiffe://shop/workload/mallory, expected ${PAYMENTS}`,
    ],
    ['speaks no protocol of the mesh', 'payments', {}, 'does not speak selvage-h2 or selvage-h1'],
  ] as const)('refuses a peer that %s', async ([, workload, options, reason]) => {
    const authority = await createAuthority()
    const port = await peer(authority, workload, options as TlsOptions)
    await expect((await connector(authority)).open(to(port), 1000)).rejects.toMatchObject({
      code: 'peer-untrusted',
      message: expect.stringContaining(reason),
    })
  })

  test('refuses a peer of another authority, and one that speaks only TLS 1.2', async () => {
    const [authority, other] = await Promise.all([createAuthority(), createAuthority()])
    const own = await connector(authority)
    await expect(own.open(to(await peer(other, 'payments')), 1000)).rejects.toMatchObject({
      code: 'peer-untrusted',
    })
    const old = await peer(authority, 'payments', { ALPNProtocols: ['selvage-h1'], maxVersion: 'TLSv1.2' })
    await expect(own.open(to(old), 1000)).rejects.toMatchObject({ code: 'connect-failure' })
  })

  test('gives up on a peer that accepts and says nothing, when time is up', async () => {
    const port = await listening(createServer())
    const own = await connector(await createAuthority())
    await expect(own.open(to(port), 50)).rejects.toMatchObject({
      code: 'connect-timeout',
      message: `no connection to 127.0.0.1:${port} within 50 ms`,
    })
  })

  test('says who refuses, plain and over TLS', async () => {
    const own = await connector(await createAuthority())
    for (const each of [tls, undefined]) {
      await expect(own.open({ ...to(1), tls: each }, 1000)).rejects.toMatchObject({
        code: 'connect-failure',
        message: expect.stringContaining('no connection to 127.0.0.1:1: connect ECONNREFUSED'),
      })
    }
  })

  test('speaks no mutual TLS before it has a certificate', async () => {
    await expect((await connector(undefined)).open(to(1), 1000)).rejects.toMatchObject({ code: 'not-ready' })
  })
})
