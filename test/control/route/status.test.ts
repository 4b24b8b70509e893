import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { paths, type Status, statusSchema, topologySchema } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

const status = async (): Promise<Status> =>
  statusSchema.parse((await plane.call(plane.operator, 'GET', paths.status(mesh))).body)
const of = (answer: Status, workload: string) => answer.workloads.find(each => each.workload === workload)!

describe('status', () => {
  it('lists every workload with what its proxies should enforce', async () => {
    const answer = await status()
    expect(answer).toMatchObject({ mesh, revision: 1, at: new Date(plane.clock.now()).toISOString() })
    const listed = answer.workloads.map(each => [each.workload, each.services, each.proxies])
    expect(listed.toSorted()).toEqual([
      ['orders', ['orders'], []],
      ['payments/v1', ['payments'], []],
      ['payments/v2', ['payments'], []],
      ['web', ['web'], []],
    ])
    const web = await plane.workload('web')
    const config = await plane.call(web, 'GET', paths.snapshotConfig(mesh, 'web'))
    expect(config.headers.get('etag')).toBe(`"${of(answer, 'web').wanted.config}"`)
  })

  it('tells of each proxy its endpoint, lease and report', async () => {
    const { wanted } = of(await status(), 'orders')
    const notAfter = new Date(plane.clock.now() + 3_600_000).toISOString()
    await plane.register('orders', 'orders-a', {
      zone: 'z1',
      leaseSeconds: 20,
      report: { version: '0.1.0', ready: true, configHash: wanted.config, certificateNotAfter: notAfter },
    })
    plane.clock.advance(5000)
    expect(of(await status(), 'orders').proxies).toEqual([
      {
        id: 'orders-a',
        address: '127.0.0.1',
        port: 15006,
        zone: 'z1',
        version: '0.1.0',
        health: 'healthy',
        leaseEndsAt: new Date(plane.clock.now() + 15_000).toISOString(),
        reportedAt: new Date(plane.clock.now() - 5000).toISOString(),
        ready: true,
        config: wanted.config,
        inSync: false,
        certificateNotAfter: notAfter,
      },
    ])
  })

  it('says in sync only when both parts are enforced and none was refused', async () => {
    const report = async (more: object) => {
      const { wanted } = of(await status(), 'payments/v1')
      const hashes = { configHash: wanted.config, endpointsHash: wanted.endpoints }
      await plane.register('payments/v1', 'a', { report: { version: '1', ready: true, ...hashes, ...more } })
      return of(await status(), 'payments/v1').proxies[0]
    }
    expect(await report({})).toMatchObject({ inSync: true })
    expect(await report({ configHash: 'old' })).toMatchObject({ inSync: false, config: 'old' })
    expect(await report({ endpointsHash: 'old' })).toMatchObject({ inSync: false })
    expect(await report({ refused: 'outbound[0]: no' })).toMatchObject({
      inSync: false,
      refused: 'outbound[0]: no',
    })
  })

  it('understands hashes that are reported with the quotes of their ETags', async () => {
    const { wanted } = of(await status(), 'payments/v1')
    const hashes = { configHash: `"${wanted.config}"`, endpointsHash: `"${wanted.endpoints}"` }
    await plane.register('payments/v1', 'a', { report: { version: '1', ready: true, ...hashes } })
    expect(of(await status(), 'payments/v1').proxies[0]).toMatchObject({
      inSync: true,
      config: wanted.config,
    })
  })

  it('forgets a report ten minutes after the last one, and a deregistered proxy at once', async () => {
    const report = { version: '1', ready: true }
    await plane.register('web', 'web-a', { report })
    await plane.register('web', 'web-b', { report, port: 2 })
    await plane.call(await plane.workload('web'), 'DELETE', paths.endpoint(mesh, 'web', 'web-b'))
    expect(of(await status(), 'web').proxies.map(each => each.id)).toEqual(['web-a'])
    plane.clock.advance(60_000)
    expect(of(await status(), 'web').proxies[0]?.leaseEndsAt).toBeUndefined()
    plane.clock.advance(600_000)
    expect(of(await status(), 'web').proxies).toEqual([])
  })
})

describe('topology', () => {
  it('lists services, workloads and the calls between them', async () => {
    await plane.publish({ name: mesh, services: { batch: { targetPort: 9000 } } }, 'batch')
    await plane.register('orders', 'orders-a')
    const { body } = await plane.call(plane.operator, 'GET', paths.topology(mesh))
    const topology = topologySchema.parse(body)
    expect(topology.services.at(2)).toEqual({
      service: 'payments',
      hosts: ['payments.shop.internal', 'payments'],
      address: '127.83.0.3',
      workloads: ['payments/v1', 'payments/v2'],
    })
    expect(topology.workloads).toContainEqual({
      workload: 'orders',
      identity: 'spiffe://shop.internal/workload/orders',
      services: ['orders'],
      endpoints: 1,
      callsAll: false,
    })
    expect(topology.workloads.find(each => each.workload === 'batch')).toMatchObject({ callsAll: true })
    expect(topology.edges).toEqual([
      { from: 'web', to: 'orders' },
      { from: 'web', to: 'payments' },
      { from: 'orders', to: 'payments' },
    ])
  })
})
