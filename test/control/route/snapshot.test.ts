import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compileSnapshot, selectEndpoints } from '../../../mesh/compile.ts'
import { HEADER_ENDPOINT, HEADER_REPORT, paths } from '../../../mesh/protocol.ts'
import { resolve } from '../../../mesh/resolve.ts'
import { type As, createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
let web: As
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
  web = await plane.workload('web')
})
afterEach(() => plane.close())

const config = (headers: Record<string, string> = {}) =>
  plane.call(web, 'GET', paths.snapshotConfig(mesh, 'web'), undefined, headers)
const endpoints = (headers: Record<string, string> = {}) =>
  plane.call(web, 'GET', paths.snapshotEndpoints(mesh, 'web'), undefined, headers)
const v1 = { id: 'v1-a', address: '127.0.0.1', port: 15006, weight: 1, health: 'healthy' }

describe('snapshot', () => {
  it('is what mesh compiles, with the addresses that were allocated', async () => {
    const { body: answer } = await plane.call(plane.operator, 'GET', paths.fragments(mesh))
    const addresses = new Map(Object.entries(answer.addresses as Record<string, string>))
    const expected = compileSnapshot(resolve({ ...shop, trustDomain: 'shop.internal' } as never), 'web', {
      addresses,
    })
    const { status, body, headers } = await config()
    expect(status).toBe(200)
    expect(body).toEqual(JSON.parse(JSON.stringify(expected)))
    expect(headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/)
  })

  it('holds the endpoints of the clusters that it calls, and no key for those that are unknown', async () => {
    await plane.register('payments/v1', 'v1-a')
    await plane.register('web', 'web-a')
    const model = await plane.control.models.current()
    const compiled = compileSnapshot(model.mesh, 'web', { addresses: model.addresses })
    const known = new Map([['payments/v1', [v1 as never]]])
    expect((await endpoints()).body).toEqual(selectEndpoints(compiled, known))
  })

  it('holds an empty list when the last endpoint has gone: that is known', async () => {
    await plane.register('payments/v1', 'v1-a')
    await plane.call(
      await plane.workload('payments/v1'),
      'DELETE',
      paths.endpoint(mesh, 'payments/v1', 'v1-a'),
    )
    expect((await endpoints()).body.clusters).toEqual({ 'payments/v1': [] })
  })

  it('answers 304 to the ETag that it gave, and costs no compilation', async () => {
    const first = await config()
    const compilations = plane.control.parts.compilations
    for (let poll = 0; poll < 10; poll++) {
      const etag = first.headers.get('etag') ?? ''
      expect((await config({ 'if-none-match': etag })).status).toBe(304)
      expect(
        (await endpoints({ 'if-none-match': (await endpoints()).headers.get('etag') ?? '' })).status,
      ).toBe(304)
    }
    expect(plane.control.parts.compilations).toBe(compilations)
  })

  it('compiles no configuration when endpoints change, and only dependants get other endpoints', async () => {
    const orders = await plane.workload('orders')
    const ofOrders = async () =>
      (await plane.call(orders, 'GET', paths.snapshotEndpoints(mesh, 'orders'))).headers.get('etag')
    const before = { web: (await endpoints()).headers.get('etag'), orders: await ofOrders() }
    const compilations = plane.control.parts.compilations
    await plane.register('orders', 'orders-a')
    expect((await endpoints()).headers.get('etag')).not.toBe(before.web)
    expect(await ofOrders()).toBe(before.orders)
    expect(plane.control.parts.compilations).toBe(compilations)
  })

  it('keeps its ETag when a change does not concern it', async () => {
    const etag = (await config()).headers.get('etag')
    await plane.publish({ name: mesh, services: { audit: { targetPort: 9000, calls: [] } } }, 'audit')
    expect((await config()).headers.get('etag')).toBe(etag)
  })

  it('is 404 for a workload that the mesh does not have', async () => {
    const stranger = await plane.workload('stranger')
    const answer = await plane.call(stranger, 'GET', paths.snapshotConfig(mesh, 'stranger'))
    expect(answer).toMatchObject({ status: 404, body: { detail: 'mesh "shop" has no workload "stranger"' } })
  })

  it('takes the proxy’s report that a poll carries', async () => {
    const report = { version: '1', ready: true, configHash: 'abc' }
    await config({ [HEADER_REPORT]: JSON.stringify(report), [HEADER_ENDPOINT]: 'web-a' })
    const { body } = await plane.call(plane.operator, 'GET', paths.status(mesh))
    const ofWeb = body.workloads.find((each: { workload: string }) => each.workload === 'web')
    expect(ofWeb.proxies).toMatchObject([{ id: 'web-a', ready: true, config: 'abc', inSync: false }])
  })

  it.each([
    ['no JSON', { [HEADER_REPORT]: 'x', [HEADER_ENDPOINT]: 'a' }, HEADER_REPORT],
    ['incomplete', { [HEADER_REPORT]: '{"version":"1"}', [HEADER_ENDPOINT]: 'a' }, 'ready'],
    ['without who reports', { [HEADER_REPORT]: '{"version":"1","ready":true}' }, HEADER_ENDPOINT],
  ])('refuses a report that is %s', async (_, headers, named) => {
    expect(await config(headers as Record<string, string>)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining(named) },
    })
  })
})
