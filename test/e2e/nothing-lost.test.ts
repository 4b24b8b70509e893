/** Configuration, certificates, processes and apps come and go while requests are under way. */
import { once } from 'node:events'
import { connect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { ask, httpApp, keepAlive } from '../support/app.ts'
import { chain } from '../support/chain.ts'
import { load } from '../support/load.ts'
import { afterTest, testProxy } from '../support/proxy.ts'
import { cluster, endpoint, inboundPort, outboundService, route, snapshot } from '../support/snapshot.ts'
import { until } from '../support/until.ts'

describe('under load no request is lost', () => {
  test('when snapshots are swapped', async () => {
    const apps = await Promise.all([httpApp('one'), httpApp('two')])
    const { outer, inner, callerSnapshot, calleeSnapshot } = await chain({
      apps: apps.map(({ port }) => port),
    })
    const traffic = load(outer.url())
    for (let round = 1; round <= 10; round++) {
      await traffic.more(20)
      const only = round % 2 === 0 ? undefined : [endpoint('p1', inner[0]!.port)]
      outer.config.set(callerSnapshot({ fallback: route(['payments'], { key: `r${round}` }) }, only))
      inner[0]!.config.set(calleeSnapshot(apps[0]!.port))
    }
    await traffic.more(20)
    await traffic.stop()
    expect(traffic.failures()).toEqual([])
    expect(apps.every(({ requests }) => requests.length > 0)).toBe(true)
    expect(outer.running.snapshot()?.config.outbound[0]?.fallback.key).toBe('r10')
  })

  test('when a sidecar drains, and its connections are closed by answers that say so', async () => {
    const apps = await Promise.all([httpApp('one'), httpApp('two')])
    const drain = { delayMs: 300, timeoutMs: 5000 }
    const { outer, inner, callerSnapshot } = await chain({
      apps: apps.map(({ port }) => port),
      inner: { drain },
    })
    const traffic = load(outer.url())
    await traffic.more(50)
    const drained = inner[0]!.running.drain()
    await traffic.more(50)
    // What discovery does while the sidecar waits: it tells callers.
    outer.config.set(callerSnapshot({}, [endpoint('p2', inner[1]!.port)]))
    await drained
    const before = apps[0]!.requests.length
    await traffic.more(50)
    await traffic.stop()
    expect(traffic.failures()).toEqual([])
    expect(apps[0]!.requests.length).toBe(before)
  })

  test('when certificates are renewed on both sides', async () => {
    const app = await httpApp('one')
    const { authority, outer, inner } = await chain({ apps: [app.port] })
    const traffic = load(outer.url())
    for (let round = 0; round < 3; round++) {
      await traffic.more(20)
      outer.identity.set(await authority.identity('web'))
      inner[0]!.identity.set(await authority.identity('payments'))
    }
    await traffic.more(20)
    await traffic.stop()
    expect(traffic.failures()).toEqual([])
  })

  test('when an app is killed: requests that no app received go elsewhere, POSTs too', async () => {
    const apps = await Promise.all([httpApp('one'), httpApp('two')])
    const { outer } = await chain({ apps: apps.map(({ port }) => port) })
    apps[0]!.kill()
    for (let i = 0; i < 20; i++) {
      const answer = await ask(outer.url(), { method: 'POST', path: `/charges/${i}`, body: 'ten' })
      expect(answer.status).toBe(200)
    }
    expect(apps[1]!.requests).toHaveLength(20)
    expect(new Set(apps[1]!.requests).size).toBe(20)
  })

  test('when a sidecar is gone: POSTs go to another one', async () => {
    const apps = await Promise.all([httpApp('one'), httpApp('two')])
    const { outer, inner } = await chain({ apps: apps.map(({ port }) => port) })
    await inner[0]!.running.stop()
    for (let i = 0; i < 20; i++) {
      expect((await ask(outer.url(), { method: 'POST', body: 'ten' })).status).toBe(200)
    }
    expect(apps[0]!.requests).toHaveLength(0)
  })
})

describe('what is open stays', () => {
  test('a connection between sidecars survives the renewal of certificates on either side', async () => {
    const app = await httpApp('one')
    const { authority, inner } = await chain({ apps: [app.port] })
    const leaf = await authority.leaf('web')
    const socket = connect({
      host: '127.0.0.1',
      port: inner[0]!.port,
      servername: '80.payments.payments.shop.internal',
      ALPNProtocols: ['selvage-h1'],
      ca: authority.certificatePem,
      cert: leaf.certificatePem,
      key: leaf.privateKeyPem,
      checkServerIdentity: () => undefined,
    })
    afterTest(() => socket.destroy())
    await once(socket, 'secureConnect')
    const get = async () => {
      socket.write('GET / HTTP/1.1\r\nhost: payments\r\n\r\n')
      const [data] = (await once(socket, 'data')) as [Buffer]
      return data.toString().split('\r\n', 1)[0]
    }
    expect(await get()).toBe('HTTP/1.1 200 OK')
    inner[0]!.identity.set(await authority.identity('payments'))
    expect(await get()).toBe('HTTP/1.1 200 OK')
  })

  test('a request in flight is finished by a sidecar that drains', async () => {
    const gate = Promise.withResolvers<void>()
    const app = await httpApp('slow', async (_, response) => {
      await gate.promise
      response.end('done')
    })
    const { outer, inner } = await chain({ apps: [app.port] })
    const answer = ask(outer.url())
    await until('it is in flight', () => app.requests.length === 1)
    const drained = inner[0]!.running.drain()
    await until('it is unready', () => inner[0]!.log.of('draining').length === 1)
    gate.resolve()
    expect((await answer).body).toBe('done')
    await drained
    expect(inner[0]!.log.of('drain-timeout')).toHaveLength(0)
  })

  test('a sidecar that drains goes on accepting for the delay, and says on each answer that the connection closes', async () => {
    const app = await httpApp('one')
    const drain = { delayMs: 60_000, timeoutMs: 0 }
    const { inner } = await chain({ apps: [app.port], inbound: { tls: 'permissive' }, inner: { drain } })
    const url = `http://127.0.0.1:${inner[0]!.port}`
    const agent = keepAlive()
    expect((await ask(url, { agent })).headers.connection).not.toBe('close')
    void inner[0]!.running.drain()
    await until('it drains', () => inner[0]!.log.of('draining').length === 1)
    expect((await ask(url, { agent })).headers.connection).toBe('close')
    expect((await ask(url, { agent })).headers.connection).toBe('close')
    expect((await ask(`http://${inner[0]!.running.addresses.health}`, { path: '/ready' })).status).toBe(503)
  })

  test('outbound works while the sidecar drains, on the connections that it has', async () => {
    const app = await httpApp('one')
    const { outer } = await chain({ apps: [app.port], outer: { drain: { delayMs: 60_000, timeoutMs: 0 } } })
    const agent = keepAlive()
    await ask(outer.url(), { agent })
    void outer.running.drain()
    await until('it drains', () => outer.log.of('draining').length === 1)
    expect((await ask(outer.url(), { agent })).status).toBe(200)
  })

  test('requests that take too long are cut off when the time for draining is up', async () => {
    const app = await httpApp('never', () => {})
    const { outer, inner } = await chain({
      apps: [app.port],
      inner: { drain: { delayMs: 0, timeoutMs: 200 } },
    })
    const answer = ask(outer.url(), { method: 'POST' })
    await until('it is in flight', () => app.requests.length === 1)
    await inner[0]!.running.drain()
    expect(inner[0]!.log.of('drain-timeout')[0]).toMatchObject({ left: 1 })
    expect((await answer).status).toBe(503)
  })
})

describe('listeners follow the snapshot', () => {
  test('services that come get a port, services that go lose theirs, and those that stay are not touched', async () => {
    const app = await httpApp('one')
    const { outer, callerSnapshot } = await chain({ apps: [app.port] })
    const agent = keepAlive()
    const before = outer.url()
    expect((await ask(before, { agent })).status).toBe(200)
    const { config, endpoints } = callerSnapshot()
    const orders = outboundService('orders')
    outer.config.set({
      config: {
        ...config,
        outbound: [...config.outbound, orders],
        clusters: { ...config.clusters, orders: cluster('orders') },
      },
      endpoints,
    })
    await until('orders has a port', () => outer.running.addresses.outbound['orders:80'])
    expect((await ask(outer.url('orders'))).headers['x-selvage-reason']).toMatch(
      /^UH orders has no endpoints/,
    )
    expect(outer.url()).toBe(before)
    expect((await ask(before, { agent })).status).toBe(200)
    const port = outer.url('orders')
    outer.config.set(callerSnapshot())
    await until('orders is gone', () => outer.running.addresses.outbound['orders:80'] === undefined)
    await expect(ask(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('a port that cannot be had at the start is one clear sentence and the end', async () => {
    const taken = await httpApp('somebody else')
    const { authority } = await chain({ apps: [] })
    const starting = testProxy({
      identity: await authority.identity('web'),
      snapshot: snapshot('web', {
        outbound: [outboundService('payments')],
        clusters: { payments: cluster('payments') },
      }),
      settings: { explicitPorts: new Map([['payments:80', taken.port]]) },
    })
    await expect(starting).rejects.toThrow(
      `cannot listen on 127.0.0.1:${taken.port} for payments:80: EADDRINUSE; another process has that port`,
    )
  })

  test('an app port that is not there keeps the proxy ready: an app may wait for its sidecar', async () => {
    const { authority } = await chain({ apps: [] })
    const proxy = await testProxy({
      identity: await authority.identity('payments'),
      snapshot: snapshot('payments', { inbound: [inboundPort('payments', { targetPort: 1 })] }),
    })
    const ready = await ask(`http://${proxy.running.addresses.health}`, { path: '/ready' })
    expect(ready.status).toBe(200)
    const check = JSON.parse((await ask(`http://${proxy.running.addresses.admin}`, { path: '/check' })).body)
    expect(check).toMatchObject({ ok: false })
    expect(check.findings.find(({ name }: { name: string }) => name === 'app')).toMatchObject({
      status: 'error',
    })
  })
})
