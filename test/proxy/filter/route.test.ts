import { describe, expect, it } from 'vitest'
import type { Route, RouteTarget, SnapshotConfig } from '../../../mesh/snapshot.ts'
import { CLUSTER, endpoint, ROUTE, SERVICE, snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const target = (workload: string, weight = 1, more: Partial<RouteTarget> = {}): RouteTarget => ({
  workload,
  name: workload,
  weight,
  ...more,
})

/** The service `payments` with workloads v1 and v2. */
function versions(routes: readonly Partial<Route>[], more: Partial<SnapshotConfig> = {}) {
  const cluster = (version: string) => ({
    ...CLUSTER,
    workload: `payments/${version}`,
    serverNames: { 'payments:80': `80.${version}.payments.shop.internal` },
  })
  const { config } = snapshotOf({})
  return {
    config: {
      ...config,
      outbound: [{ ...SERVICE, routes: routes.map((route, i) => ({ ...ROUTE, key: `r${i}`, ...route })) }],
      clusters: { 'payments/v1': cluster('v1'), 'payments/v2': cluster('v2') },
      ...more,
    },
    endpoints: {
      format: 1 as const,
      clusters: { 'payments/v1': [endpoint('a')], 'payments/v2': [endpoint('b')] },
    },
  }
}

describe('route, outbound', () => {
  it('sends by the first route that matches, and pins it', async () => {
    const { send, connector, settled } = await fakeSidecar(
      versions([
        { match: { headers: { 'x-user-type': { exact: 'beta' } } }, targets: [target('payments/v2')] },
        { targets: [target('payments/v1')] },
      ]),
    )
    const beta = send({ headers: { 'x-user-type': 'beta' } })
    const plain = send()
    await settled()
    expect(beta.exchange.backend).toMatchObject({ service: 'payments', route: { key: 'r0' } })
    expect(plain.exchange.backend?.cluster.workload).toBe('payments/v1')
    expect(connector.calls.map(call => call.connection.destination.tls?.serverName)).toEqual([
      '80.v2.payments.shop.internal',
      '80.v1.payments.shop.internal',
    ])
  })

  it('splits by weight', async () => {
    const { send, connector } = await fakeSidecar(
      versions([{ targets: [target('payments/v1', 90), target('payments/v2', 10)] }]),
    )
    connector.serve = call => call.respond(200)
    const counts: Record<string, number> = {}
    for (let i = 0; i < 3000; i++) {
      const { exchange, response } = send()
      await response
      const { workload } = exchange.backend!.cluster
      counts[workload] = (counts[workload] ?? 0) + 1
    }
    expect(counts['payments/v2']! / 3000).toBeCloseTo(0.1, 1)
  })

  it('matches our own workload as the source', async () => {
    const { send } = await fakeSidecar(
      versions([{ match: { source: ['web'] }, targets: [target('payments/v1')] }]),
    )
    const { exchange } = send()
    expect(exchange.backend?.cluster.workload).toBe('payments/v1')
    const other = send({}, { source: 'orders' })
    expect((await other.response).status).toBe(404)
  })

  it.each([
    ['no route matches', { match: { methods: ['POST'] } }, 404, 'NR'],
    ['the target does not exist', { targets: [{ name: 'payments/v3', weight: 1 }] }, 500, 'NC'],
    ['all weights are zero', { targets: [target('payments/v1', 0)] }, 500, 'NC'],
    ['the target has no such port', { targets: [target('payments/v1', 1, { port: 9 })] }, 500, 'NC'],
  ] as const)('answers when %s', async (_, route, status, flag) => {
    const { send } = await fakeSidecar(versions([route as Partial<Route>]))
    const { exchange, response } = send()
    expect((await response).status).toBe(status)
    expect(exchange.record.flag).toBe(flag)
  })

  it('answers 404 for a service that it does not know', async () => {
    const { send } = await fakeSidecar()
    expect((await send({}, { service: 'ledger' }).response).status).toBe(404)
  })

  it('answers 500 for a port that the service does not have', async () => {
    const { send } = await fakeSidecar()
    const { exchange, response } = send({}, { port: 81 })
    expect((await response).status).toBe(500)
    expect(exchange.record.reason).toContain('81')
  })

  it('answers 503 when the workload has no endpoints, and never spills over to the other version', async () => {
    const snapshot = versions([{ targets: [target('payments/v1'), target('payments/v2', 0)] }])
    const { send } = await fakeSidecar({
      ...snapshot,
      endpoints: { format: 1, clusters: { ...snapshot.endpoints.clusters, 'payments/v1': [] } },
    })
    const { exchange, response } = send()
    expect((await response).status).toBe(503)
    expect(exchange.record).toMatchObject({ flag: 'UH', reason: 'payments/v1 has no endpoints' })
  })

  it('dials the port that the target names', async () => {
    const { send, connector, settled } = await fakeSidecar(
      snapshotOf({
        route: { targets: [target('payments', 1, { port: 8080 })] },
        cluster: {
          serverNames: { 'payments:80': 'a.x', 'payments:8080': '8080.payments.payments.shop.internal' },
        },
      }),
    )
    send()
    await settled()
    expect(connector.call.connection.destination.tls?.serverName).toBe('8080.payments.payments.shop.internal')
  })

  it('finds the port of a workload that stands behind another service', async () => {
    const { send, connector, settled } = await fakeSidecar(
      snapshotOf({ cluster: { serverNames: { 'legacy:80': '80.legacy.legacy.shop.internal' } } }),
    )
    send()
    await settled()
    expect(connector.call.connection.destination.tls?.serverName).toBe('80.legacy.legacy.shop.internal')
  })

  it('leaves requests under way where they are when the routes change', async () => {
    const { send, routing, connector, settled } = await fakeSidecar(
      versions([{ targets: [target('payments/v1')] }]),
    )
    const before = send()
    await settled()
    await routing.apply(versions([{ targets: [target('payments/v2')] }]))
    expect(before.exchange.backend?.cluster.workload).toBe('payments/v1')
    connector.call.respond(200)
    expect((await before.response).status).toBe(200)
    expect(send().exchange.backend?.cluster.workload).toBe('payments/v2')
  })
})

describe('Routing.apply', () => {
  it('keeps the old routes until new clusters are warm', async () => {
    const { send, routing, clock } = await fakeSidecar(versions([{ targets: [target('payments/v1')] }]))
    const next = versions([{ targets: [target('payments/v3')] }])
    const applied = routing.apply({
      config: {
        ...next.config,
        clusters: { ...next.config.clusters, 'payments/v3': { ...CLUSTER, workload: 'payments/v3' } },
      },
      endpoints: next.endpoints,
    })
    await clock.advance(1000)
    expect(send().exchange.backend?.cluster.workload).toBe('payments/v1')
    await clock.advance(1000)
    await applied
    expect(send().exchange.backend?.cluster.workload).toBe('payments/v3')
  })

  it('lets a later configuration overtake one that still waits', async () => {
    const { send, routing, clock } = await fakeSidecar(versions([{ targets: [target('payments/v1')] }]))
    const cold = versions([{ targets: [target('payments/v3')] }], {
      clusters: {
        ...versions([]).config.clusters,
        'payments/v3': { ...CLUSTER, workload: 'payments/v3' },
      },
    })
    void routing.apply(cold)
    void routing.apply(versions([{ targets: [target('payments/v2')] }]))
    await clock.advance(5000)
    expect(send().exchange.backend?.cluster.workload).toBe('payments/v2')
  })

  it('takes new endpoints at once', async () => {
    const { routing, cluster } = await fakeSidecar(snapshotOf({ endpoints: [endpoint('a')] }))
    const { config } = snapshotOf({})
    void routing.apply({
      config,
      endpoints: { format: 1, clusters: { payments: [endpoint('a'), endpoint('b')] } },
    })
    expect(cluster().endpointCount).toBe(2)
  })

  it('changes no route when a pattern cannot be compiled', async () => {
    const { send, routing } = await fakeSidecar(versions([{ targets: [target('payments/v1')] }]))
    const broken = versions([{ match: { path: { regex: '(' } }, targets: [target('payments/v2')] }])
    await expect(routing.apply(broken)).rejects.toThrow()
    expect(send().exchange.backend?.cluster.workload).toBe('payments/v1')
  })

  it('lets requests of a cluster that went away finish', async () => {
    const { send, routing, connector, settled } = await fakeSidecar()
    const before = send()
    await settled()
    await routing.apply(snapshotOf({ config: { outbound: [], clusters: {} } }))
    connector.call.respond(200)
    expect((await before.response).status).toBe(200)
    expect(connector.connections[0]!.closed).toBe(true)
  })
})

describe('route, inbound', () => {
  it('finds the app by the service and port that were dialled', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    const { exchange } = receive()
    await settled()
    expect(exchange.app).toMatchObject({ service: 'web', workload: 'web' })
    expect(connector.call.connection.destination).toEqual({
      address: '127.0.0.1',
      port: 3000,
      protocol: 'http',
      tls: undefined,
    })
  })

  it('refuses a port that this workload does not answer for', async () => {
    const { receive } = await fakeSidecar()
    const { response, exchange } = receive({}, { port: 81 })
    expect((await response).status).toBe(404)
    expect(exchange.record.reason).toBe('this workload does not answer for port 81 of web')
  })
})

describe('Routing for connections of plain bytes', () => {
  it('finds the backend of a service without routes', async () => {
    const { routing } = await fakeSidecar()
    expect(routing.connectionBackend({ service: 'payments', port: 80, source: 'web' })).toMatchObject({
      service: 'payments',
    })
  })

  it('passes over routes that ask for anything of HTTP', async () => {
    const { routing } = await fakeSidecar(
      versions([{ match: { methods: ['GET'] }, targets: [target('payments/v1')] }]),
    )
    expect(routing.connectionBackend({ service: 'payments', port: 80, source: 'web' })).toMatchObject({
      code: 'no-route',
    })
  })
})
