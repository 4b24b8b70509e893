import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, test } from 'vitest'
import type { InboundPort } from '../../../mesh/snapshot.ts'
import { SecureContexts } from '../../../proxy/identity/secure-contexts.ts'
import { InboundPorts } from '../../../proxy/listener/inbound-ports.ts'
import { type Peer, TlsAcceptor } from '../../../proxy/listener/tls-acceptor.ts'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import { createAuthority, type LeafOptions, type TestAuthority } from '../../support/authority.ts'
import { keptLog } from '../../support/log.ts'
import { inboundPort, snapshot } from '../../support/snapshot.ts'
import { until } from '../../support/until.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const HTTP_NAME = '80.payments.payments.shop.internal'
const TCP_NAME = '5432.payments.payments.shop.internal'

interface Accepted {
  readonly socket: TLSSocket
  readonly port: InboundPort
  readonly peer: Peer
}

/** A sidecar of payments that answers for an HTTP and a TCP port. */
async function acceptor(authority: TestAuthority) {
  const contexts = new SecureContexts()
  contexts.use(await authority.identity('payments'))
  const inbound = [inboundPort('payments'), inboundPort('payments', { port: 5432, protocol: 'tcp' })]
  const ports = new InboundPorts(snapshot('payments', { inbound }).config)
  const log = keptLog()
  const refusals = new Counter()
  const accepted: Accepted[] = []
  const tls = new TlsAcceptor({
    contexts,
    ports: () => ports,
    handshakeTimeoutMs: 5000,
    log,
    refusals,
    onConnection: (socket, port, peer) => {
      socket.on('error', () => {})
      accepted.push({ socket, port, peer })
    },
  })
  const server: Server = createServer(socket => {
    socket.on('error', () => {})
    tls.accept(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(
    () => server.close(),
    () => {
      for (const { socket } of accepted) socket.destroy()
    },
  )
  const { port } = server.address() as AddressInfo
  const refusal = () =>
    until(
      'the refusal is logged',
      () => log.of('peer-refused')[0] as { reason: string; subject?: string; remote: string } | undefined,
    )
  return { port, accepted, log, refusals, contexts, refusal }
}

interface Dial {
  readonly trusts: TestAuthority
  /** Undefined: no client certificate. */
  readonly as:
    | { readonly authority: TestAuthority; readonly workload: string; readonly leaf?: LeafOptions }
    | undefined
  readonly name?: string | undefined
  readonly alpn?: string[]
  readonly more?: ConnectionOptions
}

/** Connects, and tells whether the peer kept the connection: TLS 1.3 clients are done before they are verified. */
async function dial(port: number, { trusts, as, name = HTTP_NAME, alpn = ['selvage-h1'], more }: Dial) {
  const leaf = as === undefined ? undefined : await as.authority.leaf(as.workload, as.leaf)
  const socket = connect({
    host: '127.0.0.1',
    port,
    ...(name === '' ? {} : { servername: name }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: alpn }),
    ca: trusts.certificatePem,
    checkServerIdentity: () => undefined,
    ...(leaf === undefined ? {} : { cert: leaf.certificatePem, key: leaf.privateKeyPem }),
    ...more,
  })
  closing.push(() => socket.destroy())
  let failure: Error | undefined
  socket.on('error', error => {
    failure = error
  })
  socket.resume()
  const closed = async () => {
    await until('the connection is closed', () => socket.closed)
    return failure
  }
  return { socket, closed }
}

describe('TlsAcceptor', () => {
  test('lets a workload of the mesh in, over TLS 1.3, and tells who it is and what it asked for', async () => {
    const authority = await createAuthority()
    const { port, accepted } = await acceptor(authority)
    const { socket } = await dial(port, { trusts: authority, as: { authority, workload: 'web' } })
    const [connection] = await until('it is accepted', () => accepted.length > 0 && accepted)
    expect(connection?.peer).toEqual({
      spiffeId: 'spiffe://shop/workload/web',
      workload: 'web',
      isSidecar: true,
    })
    expect(connection?.port).toMatchObject({ service: 'payments', port: 80 })
    expect(socket.getProtocol()).toBe('TLSv1.3')
    expect(socket.alpnProtocol).toBe('selvage-h1')
  })

  test.each([
    [['selvage-h1', 'selvage-h2'], 'selvage-h2', true],
    [['selvage-h1'], 'selvage-h1', true],
    [['http/1.1', 'h2'], 'h2', false],
    [['http/1.1'], 'http/1.1', false],
  ])('chooses of %j: %s', async (alpn, chosen, isSidecar) => {
    const authority = await createAuthority()
    const { port, accepted } = await acceptor(authority)
    const { socket } = await dial(port, { trusts: authority, as: { authority, workload: 'web' }, alpn })
    const [connection] = await until('it is accepted', () => accepted.length > 0 && accepted)
    expect(socket.alpnProtocol).toBe(chosen)
    expect(connection?.peer.isSidecar).toBe(isSidecar)
  })

  test('gives the TCP port its own protocol, and takes standard HTTP peers without believing them more', async () => {
    const authority = await createAuthority()
    const { port, accepted } = await acceptor(authority)
    const as = { authority, workload: 'web' }
    await dial(port, { trusts: authority, as, name: TCP_NAME, alpn: ['selvage-tcp'] })
    await until('it is accepted', () => accepted.length === 1)
    await dial(port, { trusts: authority, as, alpn: ['h2', 'http/1.1'] })
    await until('it is accepted', () => accepted.length === 2)
    expect(accepted.map(({ port: { protocol }, peer }) => [protocol, peer.isSidecar])).toEqual([
      ['tcp', true],
      ['http', false],
    ])
  })

  test('refuses a peer without a certificate, in the handshake, and says so', async () => {
    const authority = await createAuthority()
    const { port, accepted, refusal, refusals } = await acceptor(authority)
    const { closed } = await dial(port, { trusts: authority, as: undefined })
    expect((await closed())?.message).toMatch(/certificate required/i)
    expect(await refusal()).toMatchObject({
      reason: 'it showed no certificate',
      remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    })
    expect(accepted).toHaveLength(0)
    expect(refusals.value).toBe(1)
  })

  test.for([
    ['of another authority', {}, 'its certificate is not from a CA that this mesh trusts'],
    ['that has expired', { notAfter: new Date(Date.now() - 1000) }, 'its certificate has expired'],
    [
      'that is not valid yet',
      { notBefore: new Date(Date.now() + 60_000) },
      /^its certificate is not valid yet/,
    ],
    ['with two names', { uris: ['spiffe://shop/workload/a', 'spiffe://shop/workload/b'] }, /2 URI names/],
    [
      'of another trust domain',
      { uris: ['spiffe://other/workload/web'] },
      'it is of another trust domain than shop',
    ],
  ] as const)('refuses a certificate %s, and names the peer in the log', async ([what, leaf, reason]) => {
    const authority = await createAuthority()
    const other = await createAuthority()
    const { port, accepted, refusal } = await acceptor(authority)
    const by = what === 'of another authority' ? other : authority
    const { closed } = await dial(port, {
      trusts: authority,
      as: { authority: by, workload: 'mallory', leaf },
    })
    await closed()
    const logged = await refusal()
    expect(logged.reason).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason))
    expect(logged.subject).toContain('spiffe://')
    expect(accepted).toHaveLength(0)
  })

  test('refuses a server name that is not its own, none at all, and a protocol that the port does not speak', async () => {
    const authority = await createAuthority()
    const { port, accepted, log } = await acceptor(authority)
    const as = { authority, workload: 'web' }
    for (const wrong of [
      { name: '80.orders.orders.shop.internal' },
      { name: '' },
      { alpn: ['selvage-tcp'] },
    ]) {
      await (await dial(port, { trusts: authority, as, ...wrong })).closed()
    }
    const reasons = await until(
      'all are logged',
      () => log.of('peer-refused').length === 3 && log.of('peer-refused'),
    )
    expect(reasons.map(({ reason }) => reason)).toEqual([
      'it asked for "80.orders.orders.shop.internal", which this workload does not answer for',
      expect.stringContaining('it named no server'),
      expect.stringContaining('ALPN'),
    ])
    expect(accepted).toHaveLength(0)
  })

  test('refuses TLS 1.2', async () => {
    const authority = await createAuthority()
    const { port, refusal } = await acceptor(authority)
    const as = { authority, workload: 'web' }
    const { closed } = await dial(port, { trusts: authority, as, more: { maxVersion: 'TLSv1.2' } })
    expect(await closed()).toBeDefined()
    expect((await refusal()).reason).toBe('it does not speak TLS 1.3')
  })

  test('does not resume sessions: each connection proves itself anew', async () => {
    const authority = await createAuthority()
    const { port, accepted } = await acceptor(authority)
    const leaf = await authority.leaf('web')
    const own = { cert: leaf.certificatePem, key: leaf.privateKeyPem }
    const first = await dial(port, { trusts: authority, as: undefined, more: own })
    const session = Promise.withResolvers<Buffer>()
    first.socket.on('session', session.resolve)
    await until('it is accepted', () => accepted.length === 1)
    accepted[0]?.socket.write('x')
    const second = await dial(port, {
      trusts: authority,
      as: undefined,
      more: { ...own, session: await session.promise },
    })
    await until('it is accepted', () => accepted.length === 2)
    expect(second.socket.isSessionReused()).toBe(false)
  })

  test('shows a new certificate to new connections and leaves open ones alone', async () => {
    const authority = await createAuthority()
    const { port, accepted, contexts } = await acceptor(authority)
    const as = { authority, workload: 'web' }
    const before = await dial(port, { trusts: authority, as })
    await until('it is accepted', () => accepted.length === 1)
    const renewed = await authority.identity('payments')
    contexts.use(renewed)
    const after = await dial(port, { trusts: authority, as })
    await until('it is accepted', () => accepted.length === 2)
    expect(before.socket.getPeerX509Certificate()?.serialNumber).not.toBe(renewed.serialNumber)
    expect(after.socket.getPeerX509Certificate()?.serialNumber).toBe(renewed.serialNumber)
    accepted[0]?.socket.write('still here')
    const [data] = (await once(before.socket, 'data')) as [Buffer]
    expect(data.toString()).toBe('still here')
  })
})
