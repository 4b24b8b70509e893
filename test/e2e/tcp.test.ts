/** Services that speak plain bytes, through two sidecars. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { AccessRule } from '../../mesh/policy/access.ts'
import { serverName } from '../../mesh/protocol.ts'
import { tcpEcho } from '../support/app.ts'
import { type ChainOptions, chain } from '../support/chain.ts'
import { afterTest } from '../support/proxy.ts'
import { BREAKER, endpoint, TIMEOUT } from '../support/snapshot.ts'
import { until } from '../support/until.ts'

const PORT = 5432
const overTcp = (app: number, more: Partial<ChainOptions> = {}): ChainOptions => ({
  apps: [app],
  ...more,
  inbound: { port: PORT, protocol: 'tcp', ...more.inbound },
  outbound: { ports: [{ port: PORT, protocol: 'tcp' }], ...more.outbound },
  cluster: {
    serverNames: { [`payments:${PORT}`]: serverName(PORT, 'payments', 'payments', 'shop.internal') },
    ...more.cluster,
  },
})

function dial(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.on('end', () => socket.end())
  socket.on('error', () => {})
  afterTest(() => socket.destroy())
  return socket
}

/** Resolves when the connection is gone, broken or not. */
async function gone(socket: Socket): Promise<void> {
  socket.resume()
  await until('the connection is gone', () => socket.closed)
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const only = (name: string, from: readonly string[]): AccessRule => ({
  name,
  action: 'allow',
  mode: 'enforce',
  from,
  to: ['payments'],
  methods: [],
  paths: [],
  ports: [],
  headers: {},
})

describe('plain bytes through two sidecars', () => {
  test('come back as they were sent, in any amount, and half-closing is passed on', async () => {
    const app = await tcpEcho()
    const { outer } = await chain(overTcp(app.port))
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    const sent = Buffer.alloc(3_000_000, 'selvage ')
    // The echo ends only when it has seen our end: what comes back after `end` proves the half-close.
    socket.end(sent)
    expect((await readAll(socket)).equals(sent)).toBe(true)
    await until('both ends are gone', () => app.open.size === 0)
  })

  test('are counted and logged when the connection is over', async () => {
    const app = await tcpEcho()
    const { outer, calleeSnapshot, inner } = await chain(overTcp(app.port))
    const { config, endpoints } = calleeSnapshot(app.port)
    inner[0]!.config.set({
      config: { ...config, telemetry: { accessLog: 'json', traceSamplePercent: 0 } },
      endpoints,
    })
    await until('the log is on', () => inner[0]!.running.snapshot()?.config.telemetry.accessLog === 'json')
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    socket.end('hello')
    await readAll(socket)
    const line = await until('it is logged', () => inner[0]!.accessLog[0])
    expect(line).toMatchObject({
      protocol: 'tcp',
      service: 'payments',
      source: 'web',
      tls: 'TLSv1.3',
      flag: '-',
      receivedBytes: 5,
      sentBytes: 5,
    })
  })

  test('go to another endpoint when one cannot be reached', async () => {
    const app = await tcpEcho()
    const { outer, inner, callerSnapshot } = await chain(overTcp(app.port))
    outer.config.set(callerSnapshot({}, [endpoint('gone', 1), endpoint('p1', inner[0]!.port)]))
    await until('both are known', () => outer.running.snapshot()?.endpoints.clusters.payments?.length === 2)
    for (let i = 0; i < 8; i++) {
      const socket = dial(outer.outboundPort(`payments:${PORT}`))
      socket.end('ping')
      expect((await readAll(socket)).toString()).toBe('ping')
    }
  })

  test('are refused by an access rule, with a log line that names the caller', async () => {
    const app = await tcpEcho()
    const access = { byDefault: 'deny', rules: [only('only-orders', ['orders'])] } as const
    const { outer, inner } = await chain(overTcp(app.port, { inbound: { access } }))
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    socket.write('hello')
    await gone(socket)
    const line = await until('it is logged', () => inner[0]!.log.of('connection-failed')[0])
    expect(line).toMatchObject({ source: 'web', code: 'access-denied', service: 'payments' })
    expect(app.open.size).toBe(0)
  })

  test('stop when a rule that allowed them is taken back, and go on when it was another that changed', async () => {
    const app = await tcpEcho()
    const rules = [only('web', ['web']), only('orders', ['orders'])]
    const { outer, inner, calleeSnapshot } = await chain(
      overTcp(app.port, { inbound: { access: { byDefault: 'deny', rules } } }),
    )
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    const say = async (text: string) => {
      socket.write(text)
      return ((await once(socket, 'data')) as [Buffer])[0].toString()
    }
    expect(await say('one')).toBe('one')
    inner[0]!.config.set(
      calleeSnapshot(app.port, { access: { byDefault: 'deny', rules: [only('web', ['web'])] } }),
    )
    await until(
      'it is in force',
      () => inner[0]!.running.snapshot()?.config.inbound[0]?.access.rules.length === 1,
    )
    expect(await say('two')).toBe('two')
    inner[0]!.config.set(calleeSnapshot(app.port, { access: { byDefault: 'deny', rules: [] } }))
    await gone(socket)
    expect(inner[0]!.log.of('connection-failed')[0]).toMatchObject({ code: 'access-denied', source: 'web' })
  })

  test('are bounded towards the app, and refused beyond that', async () => {
    const app = await tcpEcho()
    const circuitBreaker = { ...BREAKER, maxConnections: 1 }
    const { outer, inner } = await chain(overTcp(app.port, { inbound: { circuitBreaker } }))
    const first = dial(outer.outboundPort(`payments:${PORT}`))
    first.write('stay')
    await once(first, 'data')
    const second = dial(outer.outboundPort(`payments:${PORT}`))
    second.write('too much')
    await gone(second)
    expect(inner[0]!.log.of('connection-failed')[0]).toMatchObject({ code: 'overflow' })
    first.end()
    await gone(first)
    const third = dial(outer.outboundPort(`payments:${PORT}`))
    third.end('again')
    expect((await readAll(third)).toString()).toBe('again')
  })

  test('end when nothing moves for the idle time', async () => {
    const app = await tcpEcho()
    const timeout = { ...TIMEOUT, tcpIdleMs: 300 }
    const { outer, inner } = await chain(overTcp(app.port, { inbound: { timeout } }))
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    await gone(socket)
    expect(inner[0]!.log.of('connection-failed')[0]).toMatchObject({ code: 'idle-timeout' })
  })

  test('break with a log line when the app is gone', async () => {
    const { outer, inner } = await chain(overTcp(1))
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    socket.write('hello')
    await gone(socket)
    const line = await until('it is logged', () => inner[0]!.log.of('connection-failed')[0])
    expect(line).toMatchObject({ code: 'connect-failure', direction: 'inbound' })
  })

  test('need no mutual TLS where the mesh says so, also when the app speaks first', async () => {
    const app = await tcpEcho()
    const { outer } = await chain(overTcp(app.port, { inbound: { tls: 'off' }, cluster: { tls: 'off' } }))
    const socket = dial(outer.outboundPort(`payments:${PORT}`))
    await until('the app is reached before a byte was sent', () => app.open.size === 1)
    socket.end('plain')
    expect((await readAll(socket)).toString()).toBe('plain')
  })
})

describe('bytes that are not HTTP on an HTTP port', () => {
  test('get a 400, and the log names the service and says what to declare', async () => {
    const app = await tcpEcho()
    const { outer } = await chain({ apps: [app.port] })
    const socket = dial(outer.outboundPort('payments:80'))
    socket.end('\x00\x00\x00\x08\x04\xd2\x16\x2f\r\n\r\n')
    expect((await readAll(socket)).toString()).toMatch(/^HTTP\/1\.1 400 /)
    const line = outer.log.of('not-http')
    expect(line).toHaveLength(1)
    expect(line[0]?.message).toContain("declare protocol: 'tcp' for port 80 of payments")
  })
})
