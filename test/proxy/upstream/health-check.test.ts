import { describe, expect, it } from 'vitest'
import type { HealthCheck } from '../../../mesh/policy/health-check.ts'
import { Failure } from '../../../proxy/failure.ts'
import { Cluster } from '../../../proxy/upstream/cluster.ts'
import { CLUSTER, endpoint } from '../snapshots.ts'
import type { FakeCall } from './fake-connector.ts'
import { fakeUpstream } from './fake-upstream.ts'

const CHECK: HealthCheck = {
  protocol: 'http',
  path: '/healthz?deep=1',
  intervalMs: 10_000,
  timeoutMs: 1000,
  healthyThreshold: 2,
  unhealthyThreshold: 3,
}

function checked(policy: Partial<HealthCheck> = {}, ids = ['a', 'b']) {
  const upstream = fakeUpstream()
  /** What each address answers: a status, or nothing at all. */
  const answers = new Map<string, number | 'silence' | 'refused by rule'>()
  upstream.connector.serve = call => answer(call, answers.get(call.connection.destination.address) ?? 200)
  const config = { ...CLUSTER, healthCheck: { ...CHECK, ...policy } }
  const cluster = new Cluster(config, new Map([['payments:80', 'http']]), upstream)
  const start = () => cluster.setEndpoints(ids.map(id => endpoint(id)))
  const healthy = () => [...cluster.all].filter(one => one.healthy).map(({ id }) => id)
  const round = () => upstream.clock.advance(11_000)
  return { ...upstream, cluster, config, answers, start, healthy, round }
}

function answer(call: FakeCall, status: number | 'silence' | 'refused by rule'): void {
  if (status === 'silence') return
  if (status === 'refused by rule') call.respond(403, { 'x-selvage-reason': 'UAEX no rule allows it' })
  else call.respond(status)
}

describe('active health checks', () => {
  it('ask the path through the sidecar, with the service as host', async () => {
    const { start, clock, connector } = checked()
    start()
    await clock.advance(0)
    const { request, connection } = connector.calls[0]!
    expect(`${request.method} ${request.authority} ${request.path} ${request.query}`).toBe(
      'GET payments.shop.internal /healthz deep=1',
    )
    expect(connection.destination).toEqual({
      address: '10.0.0.1',
      port: 15006,
      protocol: 'http',
      tls: { serverName: '80.payments.payments.shop.internal', identity: CLUSTER.identity },
    })
  })

  it('take an endpoint out after so many failures in a row, and back after so many answers', async () => {
    const { start, clock, answers, healthy, round } = checked()
    start()
    await clock.advance(0)
    answers.set('10.0.0.1', 500)
    await round()
    await round()
    expect(healthy()).toEqual(['a', 'b'])
    await round()
    expect(healthy()).toEqual(['b'])
    answers.set('10.0.0.1', 204)
    await round()
    expect(healthy()).toEqual(['b'])
    await round()
    expect(healthy()).toEqual(['a', 'b'])
  })

  it('decide by the first answer alone', async () => {
    const { start, clock, answers, healthy } = checked()
    answers.set('10.0.0.2', 503)
    start()
    await clock.advance(0)
    expect(healthy()).toEqual(['a'])
  })

  it('count an answer that does not come in time as a failure', async () => {
    const { start, clock, answers, healthy } = checked()
    answers.set('10.0.0.1', 'silence')
    start()
    await clock.advance(999)
    expect(healthy()).toEqual(['a', 'b'])
    await clock.advance(1)
    expect(healthy()).toEqual(['b'])
  })

  it('do not let an answer that stands still keep its connection', async () => {
    const { start, clock, connector, healthy } = checked({}, ['a'])
    connector.serve = call => call.respond(200, {}, true)
    start()
    await clock.advance(999)
    expect(connector.connections[0]!.closed).toBe(false)
    await clock.advance(1)
    expect(connector.connections[0]!.closed).toBe(true)
    expect(healthy()).toEqual(['a'])
  })

  it('count a connection that is refused as a failure', async () => {
    const { start, clock, connector, healthy } = checked()
    connector.down.add('10.0.0.1:15006')
    start()
    await clock.advance(0)
    expect(healthy()).toEqual(['b'])
  })

  it('learn nothing from a refusal by rule', async () => {
    const { start, answers, healthy, round } = checked()
    answers.set('10.0.0.1', 'refused by rule')
    start()
    for (let i = 0; i < 5; i++) await round()
    expect(healthy()).toEqual(['a', 'b'])
  })

  it('keep unhealthy endpoints out of balancing', async () => {
    const { start, clock, answers, cluster } = checked()
    answers.set('10.0.0.1', 503)
    start()
    await clock.advance(0)
    for (let i = 0; i < 20; i++) expect(cluster.rotation.pick(undefined)?.id).toBe('b')
  })

  it('are spread by a tenth of the interval', async () => {
    const { start, clock, connector } = checked({}, ['a'])
    start()
    const times: number[] = []
    for (let seen = 0; clock.monotonic() < 200_000; await clock.advance(100)) {
      while (seen < connector.calls.length) {
        times.push(clock.monotonic())
        seen++
      }
    }
    const gaps = times.slice(1).map((time, i) => time - times[i]!)
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(9000 - 100)
      expect(gap).toBeLessThanOrEqual(11_000 + 100)
    }
    expect(new Set(gaps).size).toBeGreaterThan(5)
  })

  it('ask for a connection and nothing more when they are tcp', async () => {
    const { start, clock, connector, healthy } = checked({ protocol: 'tcp' })
    connector.down.add('10.0.0.2:15006')
    start()
    await clock.advance(0)
    expect(connector.opened.map(({ address }) => address)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(connector.calls).toHaveLength(0)
    expect(healthy()).toEqual(['a'])
  })

  it('end with their policy, and everyone counts as healthy again', async () => {
    const { start, clock, answers, cluster, config, connector, healthy } = checked()
    answers.set('10.0.0.1', 503)
    start()
    await clock.advance(0)
    const { healthCheck: _, ...without } = config
    cluster.update(without, new Map())
    expect(healthy()).toEqual(['a', 'b'])
    const before = connector.calls.length
    await clock.advance(60_000)
    expect(connector.calls).toHaveLength(before)
  })

  it('end for an endpoint that leaves', async () => {
    const { start, clock, cluster, connector } = checked()
    start()
    await clock.advance(0)
    cluster.setEndpoints([endpoint('a')])
    connector.calls.length = 0
    await clock.advance(60_000)
    expect(new Set(connector.calls.map(call => call.connection.destination.address))).toEqual(
      new Set(['10.0.0.1']),
    )
  })

  it('do not begin where there is no policy', async () => {
    const upstream = fakeUpstream()
    const cluster = new Cluster(CLUSTER, new Map(), upstream)
    cluster.setEndpoints([endpoint('a')])
    await upstream.clock.advance(60_000)
    expect(upstream.connector.calls).toHaveLength(0)
    expect(upstream.clock.pending).toBe(0)
  })

  it('count a connection that breaks under the check as a failure', async () => {
    const { start, clock, connector, healthy } = checked({}, ['a'])
    connector.serve = call => call.break(new Failure('upstream-reset', 'broke'))
    start()
    await clock.advance(0)
    expect(healthy()).toEqual([])
  })
})
