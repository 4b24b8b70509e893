import { describe, expect, it } from 'vitest'
import type { OutlierDetection } from '../../../mesh/policy/outlier-detection.ts'
import type { Endpoint as EndpointInfo, Snapshot } from '../../../mesh/snapshot.ts'
import { EMPTY_BODY } from '../../../proxy/body.ts'
import { Failure } from '../../../proxy/failure.ts'
import { HeaderBlock } from '../../../proxy/header-block.ts'
import type { OutgoingRequest } from '../../../proxy/message.ts'
import { type LogFields, silentLog } from '../../../proxy/telemetry/log.ts'
import { Clusters } from '../../../proxy/upstream/clusters.ts'
import type { Endpoint } from '../../../proxy/upstream/endpoint.ts'
import { settled } from '../../../testing/clock.ts'
import { CLUSTER, endpoint, snapshotOf } from '../snapshots.ts'
import { fakeUpstream } from './fake-upstream.ts'

const OUTLIERS: OutlierDetection = {
  consecutiveErrors: 1,
  consecutiveGatewayErrors: 0,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 300_000,
  maxEjectionPercent: 50,
}

const request = (): OutgoingRequest => ({
  method: 'GET',
  scheme: 'http',
  authority: 'payments',
  path: '/',
  query: '',
  headers: HeaderBlock.EMPTY,
  edits: undefined,
  body: EMPTY_BODY,
  onCancel: undefined,
  onEnd: () => {},
})

function setUp(first: Snapshot = snapshotOf({})) {
  const upstream = fakeUpstream()
  const clusters = new Clusters(upstream)
  clusters.reconcile(first)
  const cluster = () => clusters.get('payments')!
  const one = (id: string): Endpoint => [...cluster().all].find(candidate => candidate.id === id)!
  const port = () => cluster().dialPort('payments', 80)!
  /** Opens a connection and leaves it idle. */
  const touch = async (target: Endpoint) => {
    const lease = await target.pool(port()).acquire(request(), 0)
    void lease.send(request())
    upstream.connector.call.respond(200)
    return upstream.connector.call.connection
  }
  return { ...upstream, clusters, cluster, one, port, touch }
}

const withEndpoints = (...endpoints: EndpointInfo[]): Snapshot => snapshotOf({ endpoints })

describe('Clusters.reconcile', () => {
  it('keeps an endpoint with its pool, requests and ejection under its id', async () => {
    const { clusters, cluster, one, port, touch } = setUp(
      snapshotOf({ cluster: { outlierDetection: OUTLIERS }, endpoints: [endpoint('a'), endpoint('b')] }),
    )
    const a = one('a')
    await touch(a)
    a.active = 3
    cluster().rotation.observe(a, 'error')
    const pool = a.pool(port())
    clusters.reconcile(
      snapshotOf({
        cluster: { outlierDetection: { ...OUTLIERS, consecutiveErrors: 9 } },
        endpoints: [endpoint('a', { weight: 5 }), endpoint('c')],
      }),
    )
    expect(one('a')).toBe(a)
    expect(a.weight).toBe(5)
    expect(a.active).toBe(3)
    expect(a.pool(port())).toBe(pool)
    expect(pool.idleCount).toBe(1)
    expect(cluster().rotation.isEjected(a)).toBe(true)
  })

  it('knows an endpoint by its id, not by its address', () => {
    const { clusters, one } = setUp(withEndpoints(endpoint('a')))
    const before = one('a')
    clusters.reconcile(withEndpoints(endpoint('z', { address: before.address })))
    expect(one('z')).not.toBe(before)
  })

  it('closes the idle connections of an endpoint that left and lets the others finish', async () => {
    const { clusters, connector, one, port, touch } = setUp(withEndpoints(endpoint('a'), endpoint('b')))
    const a = one('a')
    const lease = await a.pool(port()).acquire(request(), 0)
    void lease.send(request())
    const busy = connector.call
    const idle = await touch(a)
    clusters.reconcile(withEndpoints(endpoint('b')))
    expect(idle.closed).toBe(true)
    expect(busy.connection.closed).toBe(false)
    busy.respond(200)
    expect(busy.connection.closed).toBe(true)
  })

  it('gives an endpoint that drains nothing new, and keeps its connections', async () => {
    const { clusters, cluster, one, touch } = setUp(withEndpoints(endpoint('a'), endpoint('b')))
    const connection = await touch(one('a'))
    clusters.reconcile(withEndpoints(endpoint('a', { health: 'draining' }), endpoint('b')))
    for (let i = 0; i < 20; i++) expect(cluster().rotation.pick(undefined)?.id).toBe('b')
    expect(connection.closed).toBe(false)
  })

  it('connects anew when an endpoint moves', async () => {
    const { clusters, one, touch } = setUp(withEndpoints(endpoint('a')))
    const before = await touch(one('a'))
    clusters.reconcile(withEndpoints(endpoint('a', { address: '10.9.9.9' })))
    expect(before.closed).toBe(true)
    const after = await touch(one('a'))
    expect(after.destination.address).toBe('10.9.9.9')
  })

  it('connects anew when the expected identity changes', async () => {
    const { clusters, one, touch } = setUp()
    const before = await touch(one('a'))
    clusters.reconcile(snapshotOf({ cluster: { identity: 'spiffe://shop/workload/other' } }))
    expect(before.closed).toBe(true)
    const after = await touch(one('a'))
    expect(after.destination.tls?.identity).toBe('spiffe://shop/workload/other')
  })

  it('keeps its connections when something else changes', async () => {
    const { clusters, one, touch } = setUp()
    const before = await touch(one('a'))
    clusters.reconcile(snapshotOf({ cluster: { loadBalancer: { panicThresholdPercent: 10 } } }))
    expect(await touch(one('a'))).toBe(before)
  })

  it('keeps the last endpoints of a workload that the list does not mention', () => {
    const { clusters, cluster } = setUp(withEndpoints(endpoint('a')))
    const { config } = snapshotOf({})
    clusters.reconcile({ config, endpoints: { format: 1, clusters: {} } })
    expect(cluster().endpointCount).toBe(1)
    clusters.reconcile(withEndpoints())
    expect(cluster().endpointCount).toBe(0)
  })

  it('applies new limits to what runs already', () => {
    const { clusters, cluster } = setUp()
    cluster().breaker.requests.enter()
    clusters.reconcile(
      snapshotOf({ cluster: { circuitBreaker: { ...CLUSTER.circuitBreaker, maxRequests: 1 } } }),
    )
    expect(cluster().breaker.requests.enter()).toBe(false)
  })

  it('keeps what a service has earned for its retries', () => {
    const { clusters } = setUp(snapshotOf({ service: { retryBudget: { percent: 100, minPerSecond: 0 } } }))
    clusters.retryBudget('payments')!.earn(0)
    clusters.reconcile(snapshotOf({ service: { retryBudget: { percent: 50, minPerSecond: 0 } } }))
    expect(clusters.retryBudget('payments')!.spend(0)).toBe(true)
  })
})

describe('Clusters.warm', () => {
  const isDone = async (promise: Promise<void>): Promise<boolean> => {
    let done = false
    void promise.then(() => {
      done = true
    })
    await settled()
    return done
  }
  const unknown = (): Snapshot => ({ ...snapshotOf({}), endpoints: { format: 1, clusters: {} } })

  it('does not wait for a cluster whose endpoints are known', async () => {
    const { clusters } = setUp()
    expect(await isDone(clusters.warm())).toBe(true)
  })

  it('waits until the endpoints of a new cluster are known', async () => {
    const { clusters } = setUp(unknown())
    const warm = clusters.warm()
    expect(await isDone(warm)).toBe(false)
    clusters.reconcile(snapshotOf({}))
    expect(await isDone(warm)).toBe(true)
  })

  it('does not wait for unknown endpoints at the start, nor for them later', async () => {
    const { clusters } = setUp(unknown())
    expect(await isDone(clusters.warm({ first: true }))).toBe(true)
    expect(await isDone(clusters.warm())).toBe(true)
  })

  it('waits for the first health check of each endpoint', async () => {
    const healthCheck = {
      protocol: 'http',
      path: '/',
      intervalMs: 10_000,
      timeoutMs: 5000,
      healthyThreshold: 1,
      unhealthyThreshold: 1,
    } as const
    const { clusters, connector } = setUp(snapshotOf({ cluster: { healthCheck } }))
    const warm = clusters.warm()
    expect(await isDone(warm)).toBe(false)
    connector.call.respond(200)
    expect(await isDone(warm)).toBe(true)
  })

  it('waits no longer than two seconds', async () => {
    const { clusters, clock } = setUp(unknown())
    const warm = clusters.warm()
    await clock.advance(1999)
    expect(await isDone(warm)).toBe(false)
    await clock.advance(1)
    expect(await isDone(warm)).toBe(true)
  })

  it('lets a second configuration wait for the same cluster, too', async () => {
    const { clusters, clock } = setUp(unknown())
    void clusters.warm()
    await clock.advance(1000)
    const second = clusters.warm()
    expect(await isDone(second)).toBe(false)
    await clock.advance(1000)
    expect(await isDone(second)).toBe(true)
  })
})

describe('Clusters.retain', () => {
  it('lets go of clusters that nothing names any more', async () => {
    const { clusters, clock, one, touch, metrics } = setUp()
    const connection = await touch(one('a'))
    expect(metrics.expose()).toContain('selvage_cluster_endpoints{workload="payments"} 1')
    clusters.retain({ ...snapshotOf({}).config, clusters: {}, outbound: [] })
    expect(clusters.get('payments')).toBeUndefined()
    expect(connection.closed).toBe(true)
    expect(clusters.retryBudget('payments')).toBeUndefined()
    expect(clock.pending).toBe(0)
    expect(metrics.expose()).not.toContain('selvage_cluster_endpoints{')
  })
})

describe('rotations of routes', () => {
  const both = snapshotOf({ endpoints: [endpoint('a'), endpoint('b')] })

  it('eject for their route alone', () => {
    const { cluster, one } = setUp(both)
    const rotation = cluster().rotationOf('payments/checkout', OUTLIERS)
    rotation.observe(one('a'), 'error')
    for (let i = 0; i < 20; i++) expect(rotation.pick(undefined)?.id).toBe('b')
    const others = new Set(Array.from({ length: 40 }, () => cluster().rotation.pick(undefined)?.id))
    expect(others).toEqual(new Set(['a', 'b']))
  })

  it('avoid what the detector of the workload ejects', () => {
    const { clusters, cluster, one } = setUp(both)
    const rotation = cluster().rotationOf('payments/checkout', OUTLIERS)
    clusters.reconcile(
      snapshotOf({ cluster: { outlierDetection: OUTLIERS }, endpoints: [endpoint('a'), endpoint('b')] }),
    )
    cluster().rotation.observe(one('a'), 'error')
    for (let i = 0; i < 20; i++) expect(rotation.pick(undefined)?.id).toBe('b')
  })

  it('are kept under the key of the route, and forgotten when it is gone', () => {
    const { cluster, one } = setUp(both)
    const rotation = cluster().rotationOf('payments/checkout', OUTLIERS)
    rotation.observe(one('a'), 'error')
    expect(cluster().rotationOf('payments/checkout', OUTLIERS)).toBe(rotation)
    cluster().retainRoutes(new Set(['payments/checkout']))
    expect(cluster().rotationOf('payments/checkout', OUTLIERS)).toBe(rotation)
    cluster().retainRoutes(new Set())
    expect(cluster().rotationOf('payments/checkout', OUTLIERS)).not.toBe(rotation)
  })
})

describe('connections', () => {
  it('are counted, those that failed by their reason', async () => {
    const { connector, metrics, one, port, touch } = setUp()
    await touch(one('a'))
    connector.immediate = false
    // The first takes the idle connection.
    void one('a').pool(port()).acquire(request(), 0)
    const second = one('a').pool(port()).acquire(request(), 0)
    connector.connects[1]!.refuse()
    await expect(second).rejects.toThrow()
    const labels = 'direction="outbound",'
    expect(metrics.expose()).toContain(`selvage_upstream_connections_total{${labels}workload="payments"} 1`)
    expect(metrics.expose()).toContain(
      `selvage_upstream_connect_failures_total{${labels}reason="connect-failure",workload="payments"} 1`,
    )
  })

  it('to a peer that is not who it should be are logged, and not each time', async () => {
    const upstream = fakeUpstream()
    const warned: LogFields[] = []
    const clusters = new Clusters({
      ...upstream,
      log: { ...silentLog, warn: (fields: LogFields) => void warned.push(fields) },
    })
    clusters.reconcile(snapshotOf({}))
    const cluster = clusters.get('payments')!
    upstream.connector.immediate = false
    const distrusted = async () => {
      const [endpointOfIt] = [...cluster.all]
      const lease = endpointOfIt!.pool(cluster.dialPort('payments', 80)!).acquire(request(), 0)
      upstream.connector.connects
        .at(-1)!
        .refuse(new Failure('peer-untrusted', '10.0.0.1:15006 is somebody else'))
      await expect(lease).rejects.toThrow()
    }
    await distrusted()
    await distrusted()
    expect(warned).toEqual([
      expect.objectContaining({
        event: 'peer-untrusted',
        peer: '10.0.0.1:15006',
        expected: CLUSTER.identity,
        reason: '10.0.0.1:15006 is somebody else',
      }),
    ])
    await upstream.clock.advance(10_000)
    await distrusted()
    expect(warned).toHaveLength(2)
  })
})

describe('Clusters.status', () => {
  it('tells how each endpoint stands', async () => {
    const { clusters, clock, cluster, one, touch } = setUp(
      snapshotOf({ cluster: { outlierDetection: OUTLIERS }, endpoints: [endpoint('a'), endpoint('b')] }),
    )
    await touch(one('a'))
    cluster().rotation.observe(one('a'), 'error')
    await clock.advance(10_000)
    const [a, b] = clusters.status()[0]!.endpoints
    expect(a).toMatchObject({ id: 'a', ejectedForMs: 20_000, connections: 1, healthy: true })
    expect(b).toMatchObject({ id: 'b', ejectedForMs: 0 })
  })
})
