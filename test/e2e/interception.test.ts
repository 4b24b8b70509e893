/** Loopback interception: each service has an address of its own, where callers find it by name and dial port. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, httpApp } from '../support/app.ts'
import { createAuthority } from '../support/authority.ts'
import { testProxy } from '../support/proxy.ts'
import { cluster, endpoint, outboundService, route, snapshot } from '../support/snapshot.ts'
import { until } from '../support/until.ts'

/** macOS answers on 127.0.0.1 only. */
const loopback = await new Promise<boolean>(resolve => {
  const server = createServer().once('error', () => resolve(false))
  server.listen(0, '127.83.0.1', () => server.close(() => resolve(true)))
})
if (!loopback)
  process.stderr.write('SKIPPED: loopback interception: this system does not answer on 127.83.0.0/16\n')

/** A port that nobody has on any loopback address just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

describe.skipIf(!loopback)('loopback interception', () => {
  test('knows the service by the address that was dialled, whatever the Host header says', async () => {
    const authority = await createAuthority()
    const apps = { orders: await httpApp('orders'), payments: await httpApp('payments') }
    const port = await freePort()
    const service = (name: string, address: string) =>
      outboundService(name, { address, ports: [{ port, protocol: 'http' }], fallback: route([name]) })
    const plain = (name: string) =>
      cluster(name, { tls: 'off', serverNames: { [`${name}:${port}`]: 'unused.a.b' } })
    const outbound = [service('orders', '127.83.0.5'), service('payments', '127.83.0.6')]
    const proxy = await testProxy({
      identity: await authority.identity('web'),
      snapshot: snapshot(
        'web',
        { outbound, clusters: { orders: plain('orders'), payments: plain('payments') } },
        { orders: [endpoint('o1', apps.orders.port)], payments: [endpoint('p1', apps.payments.port)] },
      ),
      settings: { interception: 'loopback' },
    })
    const called = async (address: string) => {
      const { body } = await ask(`http://${address}:${port}`, { headers: { host: 'orders.shop.internal' } })
      return JSON.parse(body).app
    }
    expect(await called('127.83.0.5')).toBe('orders')
    expect(await called('127.83.0.6')).toBe('payments')
    expect(proxy.running.addresses.outbound).toEqual({
      [`orders:${port}`]: `127.83.0.5:${port}`,
      [`payments:${port}`]: `127.83.0.6:${port}`,
    })
  })

  test('opens a service when its address has been allocated, and not before', async () => {
    const authority = await createAuthority()
    const port = await freePort()
    const at = (address: string | undefined) =>
      snapshot(
        'web',
        {
          outbound: [
            outboundService('orders', {
              ports: [{ port, protocol: 'http' }],
              ...(address === undefined ? {} : { address }),
            }),
          ],
          clusters: { orders: cluster('orders') },
        },
        { orders: [] },
      )
    const proxy = await testProxy({
      identity: await authority.identity('web'),
      snapshot: at(undefined),
      settings: { interception: 'loopback' },
    })
    expect(proxy.running.addresses.outbound).toEqual({})
    proxy.config.set(at('127.83.0.7'))
    await until(
      'it is open',
      () => proxy.running.addresses.outbound[`orders:${port}`] === `127.83.0.7:${port}`,
    )
  })

  test('tries a port again that somebody else had, and says meanwhile which one and what to do', async () => {
    const authority = await createAuthority()
    const taken = createServer().listen(0, '127.83.0.8')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const wanted = (address: string) =>
      snapshot(
        'web',
        {
          outbound: [outboundService('orders', { address, ports: [{ port, protocol: 'http' }] })],
          clusters: { orders: cluster('orders') },
        },
        { orders: [] },
      )
    const proxy = await testProxy({
      identity: await authority.identity('web'),
      snapshot: wanted('127.83.0.9'),
      settings: { interception: 'loopback' },
    })
    proxy.config.set(wanted('127.83.0.8'))
    const failure = await until('it is logged', () => proxy.log.of('listener-failed')[0])
    expect(failure.message).toBe(
      `cannot listen on 127.83.0.8:${port} for orders:${port}: EADDRINUSE; another process has that port: stop it or choose another port`,
    )
    taken.close()
    proxy.config.set(wanted('127.83.0.8'))
    await until('it is open', () => proxy.running.addresses.outbound[`orders:${port}`] !== undefined)
  })
})
