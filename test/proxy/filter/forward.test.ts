import { describe, expect, it } from 'vitest'
import { Failure } from '../../../proxy/failure.ts'
import { CLUSTER, endpoint, INBOUND, ROUTE, snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const once = { ...ROUTE.retry, attempts: 0 }

describe('forward', () => {
  it('passes the response on and keeps the connection for the next request', async () => {
    const { send, connector } = await fakeSidecar()
    connector.serve = call => call.respond(200, { 'x-app': 'yes' })
    const { status, headers } = await send().response
    expect([status, headers.get('x-app')]).toEqual([200, 'yes'])
    await send().response
    expect(connector.connections).toHaveLength(1)
  })

  it('connects within the time of the route', async () => {
    const timeout = { ...ROUTE.timeout, connectMs: 321 }
    const { send, connector } = await fakeSidecar(snapshotOf({ route: { timeout } }))
    send()
    expect(connector.connects[0]!.timeoutMs).toBe(321)
  })

  it.each([
    ['not-processed', 'UF', 'UF connection refused', { 'x-selvage-not-processed': '1' }],
    ['draining', 'LR', 'LR this sidecar is shutting down', { 'x-selvage-not-processed': '1' }],
    ['upstream-reset', 'UC', 'UC the connection broke', {}],
  ])('takes what a peer says of itself as %s', async (_, flag, reason, more) => {
    const { send, connector } = await fakeSidecar(snapshotOf({ route: { retry: once } }))
    connector.serve = call => call.respond(503, { 'x-selvage-reason': reason, ...more })
    const { response, exchange } = send()
    const text = `endpoint a of payments says: ${reason}`
    expect((await response).headers.get('x-selvage-reason')).toBe(`${flag} ${text}`)
    expect(exchange.record).toMatchObject({ flag, reason: text })
    expect(exchange.lastAttempt?.peerFlag).toBe(flag)
  })

  it('passes every other answer of a peer on', async () => {
    const { send, connector } = await fakeSidecar()
    connector.serve = call => call.respond(403, { 'x-selvage-reason': 'UAEX no rule' })
    const { response, exchange } = send()
    expect((await response).headers.get('x-selvage-reason')).toBe('UAEX no rule')
    expect(exchange.record.flag).toBe('-')
  })

  it('does not believe who is not of the mesh', async () => {
    const { send, connector } = await fakeSidecar(snapshotOf({ cluster: { tls: 'off' } }))
    connector.serve = call =>
      call.respond(503, { 'x-selvage-reason': 'UF refused', 'x-selvage-not-processed': '1' })
    const { response, exchange } = send({ method: 'POST' })
    expect((await response).status).toBe(503)
    expect(exchange.record.attempts).toBe(1)
    expect(exchange.lastAttempt?.peerFlag).toBeUndefined()
  })

  it('frees the endpoint and its connection when the client leaves while it connects', async () => {
    const { send, connector, cluster, settled } = await fakeSidecar()
    connector.immediate = false
    const { request, response } = send()
    request.abort(new Failure('downstream-gone', 'the client left'))
    await response
    connector.connects[0]!.accept()
    await settled()
    expect(connector.calls).toHaveLength(0)
    expect(connector.connections[0]!.capacity).toBe(1)
    expect([...cluster().all].map(({ active }) => active)).toEqual([0])
  })

  it('connects in plain where TLS is off, and then limits connections', async () => {
    const circuitBreaker = { ...CLUSTER.circuitBreaker, maxConnections: 1, maxPendingRequests: 0 }
    const { send, connector, settled } = await fakeSidecar(
      snapshotOf({ cluster: { tls: 'off', circuitBreaker } }),
    )
    send()
    await settled()
    expect(connector.call.connection.destination.tls).toBeUndefined()
    const { response, exchange } = send()
    expect((await response).status).toBe(503)
    expect(exchange.record.flag).toBe('UO')
  })
})

describe('forward to the app', () => {
  it('tells a mesh peer before the app gets the request', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    let said = (): void => {}
    const parts = { method: 'POST' }
    const { request, response } = receiveWith(
      () =>
        new Promise<void>(resolve => {
          said = resolve
        }),
    )
    await settled()
    expect(request.announced).toBe(1)
    expect(connector.connections).toHaveLength(1)
    expect(connector.calls).toHaveLength(0)
    said()
    await settled()
    connector.call.respond(201)
    expect((await response).status).toBe(201)

    function receiveWith(announce: () => Promise<void>) {
      const sent = receive(parts)
      sent.request.announcement = announce()
      return sent
    }
  })

  it('tells it only when there is a connection to the app', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    connector.immediate = false
    const { request, response } = receive({ method: 'POST' })
    await settled()
    expect(request.announced).toBe(0)
    connector.connects[0]!.refuse()
    const { status, headers } = await response
    expect([status, headers.get('x-selvage-not-processed')]).toEqual([503, '1'])
    expect(request.announced).toBe(0)
  })

  it('tells nobody else', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    const { request } = receive({ method: 'POST' }, { meshPeer: false })
    await settled()
    expect(connector.calls).toHaveLength(1)
    expect(request.announced).toBe(0)
  })

  it('takes another connection when the app closed the first meanwhile', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    const { request, response } = receive({ method: 'POST' })
    let said = (): void => {}
    request.announcement = new Promise(resolve => {
      said = resolve
    })
    await settled()
    connector.connections[0]!.close()
    said()
    await settled()
    expect(connector.connections).toHaveLength(2)
    connector.call.respond(200)
    expect((await response).status).toBe(200)
  })

  const gone = new Failure('downstream-gone', 'the peer left')
  it.each([
    ['was told', (said: () => void) => said()],
    ['could not be told', (_: () => void, unsaid: (failure: Failure) => void) => unsaid(gone)],
  ])('gives the connection back when the peer that %s has left', async (_, settle) => {
    const { receive, connector, settled } = await fakeSidecar()
    const { request, response } = receive({ method: 'POST' })
    let settleNow = (): void => {}
    request.announcement = new Promise((said, unsaid) => {
      settleNow = () => settle(said, unsaid)
    })
    await settled()
    request.abort(gone)
    settleNow()
    expect((await response).status).toBe(499)
    expect(connector.calls).toHaveLength(0)
    receive()
    await settled()
    expect(connector.calls).toHaveLength(1)
    expect(connector.connections).toHaveLength(1)
  })

  it('respects the limits that the policy sets for the app', async () => {
    const circuitBreaker = {
      ...CLUSTER.circuitBreaker,
      maxConnections: 1,
      maxPendingRequests: 1,
      maxRequestsPerConnection: 2,
    }
    const { receive, connector, settled } = await fakeSidecar(
      snapshotOf({ config: { inbound: [{ ...INBOUND, circuitBreaker }] } }),
    )
    const sent = [receive(), receive(), receive()]
    expect((await sent[2]!.response).status).toBe(503)
    expect(sent[2]!.exchange.record.flag).toBe('UO')
    for (const _ of [1, 2]) {
      await settled()
      connector.call.respond(200)
    }
    await sent[1]!.response
    expect(connector.connections).toHaveLength(1)
    expect(connector.connections[0]!.closed).toBe(true)
  })

  it('answers what the app broke off as a reset that only idempotent requests may repeat', async () => {
    const { receive, connector } = await fakeSidecar()
    connector.serve = call => call.break()
    const { status, headers } = await receive({ method: 'POST' }).response
    expect(status).toBe(503)
    expect(headers.get('x-selvage-reason')).toBe('UC the connection broke')
    expect(headers.has('x-selvage-not-processed')).toBe(false)
  })
})

describe('a request that must not be sent twice', () => {
  /** One connection that was used before, closed by the other side while the next request is on its way. */
  const hangUpUnder = async (inbound: boolean, method: string) => {
    const sidecar = await fakeSidecar(snapshotOf({ cluster: { tls: 'off' }, route: { retry: once } }))
    const { connector, settled } = sidecar
    const go = () => (inbound ? sidecar.receive({ method }) : sidecar.send({ method }))
    connector.serve = call => call.respond(200)
    await go().response
    connector.serve = undefined
    const { response } = go()
    connector.connections[0]!.close()
    await settled()
    await settled()
    connector.calls.at(-1)?.respond(200)
    return { status: (await response).status, connections: connector.connections.length }
  }

  it.each([
    ['the app', true],
    ['an upstream outside the mesh', false],
  ])('never goes to %s on a connection whose end has arrived', async (_, inbound) => {
    expect(await hangUpUnder(inbound, 'POST')).toEqual({ status: 200, connections: 2 })
  })

  it('is not held up on a connection of its own', async () => {
    const { receive, connector, settled } = await fakeSidecar()
    connector.immediate = false
    receive({ method: 'POST' })
    await settled()
    connector.connects[0]!.accept()
    await Promise.resolve()
      .then(() => {})
      .then(() => {})
      .then(() => {})
      .then(() => {})
      .then(() => {})
    expect(connector.calls).toHaveLength(1)
  })
})

describe('balance and circuitBreaker', () => {
  it('sends to the endpoint with fewer requests', async () => {
    const { send, connector, settled } = await fakeSidecar(
      snapshotOf({ endpoints: [endpoint('a'), endpoint('b')] }),
    )
    for (let i = 0; i < 10; i++) send()
    await settled()
    const addresses = connector.calls.map(call => call.connection.destination.address)
    expect(addresses.filter(address => address === '10.0.0.1')).toHaveLength(5)
  })

  it('refuses what exceeds maxRequests, and lets in again what fits', async () => {
    const circuitBreaker = { ...CLUSTER.circuitBreaker, maxRequests: 1 }
    const { send, connector, settled, metrics } = await fakeSidecar(
      snapshotOf({ cluster: { circuitBreaker } }),
    )
    const first = send()
    await settled()
    const second = send()
    expect((await second.response).status).toBe(503)
    expect(second.exchange.record).toMatchObject({
      flag: 'UO',
      reason: 'payments has 1 requests at once already (maxRequests)',
    })
    expect(metrics.expose()).toContain(
      'selvage_circuit_breaker_overflow_total{direction="outbound",limit="requests",workload="payments"} 1',
    )
    connector.call.respond(200)
    await first.response
    connector.serve = call => call.respond(200)
    expect((await send().response).status).toBe(200)
  })

  it('holds the slot until the last byte of the response', async () => {
    const { send, connector, cluster, settled } = await fakeSidecar()
    const { response } = send()
    await settled()
    connector.call.respond(200, {}, true)
    await response
    expect(cluster().breaker.requests.used).toBe(1)
    connector.call.finish()
    expect(cluster().breaker.requests.used).toBe(0)
  })
})

describe('outlierDetection', () => {
  const outlierDetection = {
    consecutiveErrors: 2,
    consecutiveGatewayErrors: 0,
    intervalMs: 10_000,
    baseEjectionTimeMs: 30_000,
    maxEjectionTimeMs: 300_000,
    maxEjectionPercent: 50,
  }
  const two = { endpoints: [endpoint('a'), endpoint('b')], route: { retry: once } }

  const failing = async (parts: Parameters<typeof snapshotOf>[0], fields: Record<string, string> = {}) => {
    const sidecar = await fakeSidecar(snapshotOf({ ...two, ...parts }))
    const served: string[] = []
    sidecar.connector.serve = call => {
      const { address } = call.connection.destination
      served.push(address)
      if (address === '10.0.0.1') call.respond(503, fields)
      else call.respond(200)
    }
    return { ...sidecar, served }
  }

  it('ejects an endpoint that fails real requests, and gives it back', async () => {
    const { send, served, clock, cluster, metrics, logged } = await failing({ cluster: { outlierDetection } })
    for (let i = 0; i < 100; i++) await send().response
    expect(served.filter(address => address === '10.0.0.1')).toHaveLength(2)
    expect(cluster().ejectedCount).toBe(1)
    expect(metrics.expose()).toContain('selvage_outlier_ejections_total{workload="payments"} 1')
    expect(metrics.expose()).toContain('selvage_outlier_observations_total{workload="payments"} 100')
    expect(logged.map(({ event }) => event)).toEqual(['endpoint-ejected'])
    await clock.advance(30_000)
    expect(cluster().ejectedCount).toBe(0)
    for (let i = 0; i < 20; i++) await send().response
    expect(served.filter(address => address === '10.0.0.1').length).toBeGreaterThan(2)
  })

  it('does not hold a refusal by policy against the endpoint', async () => {
    const { send, cluster } = await failing(
      { cluster: { outlierDetection } },
      { 'x-selvage-reason': 'UO too much at once' },
    )
    for (let i = 0; i < 50; i++) await send().response
    expect(cluster().ejectedCount).toBe(0)
  })

  it('counts for the route alone where the route has its own', async () => {
    const { send, served, cluster } = await failing({ route: { ...two.route, outlierDetection } })
    for (let i = 0; i < 100; i++) await send().response
    expect(served.filter(address => address === '10.0.0.1')).toHaveLength(2)
    expect(cluster().ejectedCount).toBe(0)
  })

  it('keeps the ejections of a route over a new configuration', async () => {
    const parts = { ...two, route: { ...two.route, outlierDetection } }
    const { send, served, routing } = await failing(parts)
    for (let i = 0; i < 50; i++) await send().response
    await routing.apply(snapshotOf(parts))
    served.length = 0
    for (let i = 0; i < 50; i++) await send().response
    expect(served).not.toContain('10.0.0.1')
  })
})
