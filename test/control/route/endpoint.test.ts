import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { paths } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

describe('an endpoint', () => {
  it('is registered by its workload, under a lease', async () => {
    expect(await plane.register('payments/v1', 'v1-a', { leaseSeconds: 30 })).toMatchObject({
      status: 200,
      body: { leaseSeconds: 30 },
    })
    expect(plane.control.registry.leasesOf('payments/v1').map(lease => lease.id)).toEqual(['v1-a'])
  })

  it.each([
    ['an address that is none', { address: 'localhost' }, 'address'],
    ['a port that is none', { port: 70_000 }, 'port'],
    ['a lease that is too short', { leaseSeconds: 1 }, 'leaseSeconds'],
    ['a key that nobody knows', { colour: 'red' }, 'colour'],
    ['a report without readiness', { report: { version: '1' } }, 'report.ready'],
  ])('is refused with %s, named', async (_, body, named) => {
    const refused = await plane.register('web', 'web-a', body)
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining(named) } })
    expect(plane.control.registry.leases()).toEqual([])
  })

  it('is refused with an id that is none', async () => {
    expect((await plane.register('web', 'a b')).status).toBe(400)
    expect((await plane.register('web', 'x'.repeat(129))).status).toBe(400)
  })

  it('is deregistered at once, and a late renewal does not bring it back', async () => {
    const web = await plane.workload('web')
    await plane.register('web', 'web-a', { startedAtMs: 5 })
    const path = paths.endpoint(mesh, 'web', 'web-a')
    expect((await plane.call(web, 'DELETE', path)).status).toBe(204)
    expect(await plane.register('web', 'web-a', { startedAtMs: 5 })).toMatchObject({
      status: 410,
      body: { type: 'urn:selvage:problem:deregistered' },
    })
    expect((await plane.register('web', 'web-a', { startedAtMs: 6 })).status).toBe(200)
  })

  it('is deregistered also when it never was', async () => {
    const path = paths.endpoint(mesh, 'web', 'never')
    expect((await plane.call(await plane.workload('web'), 'DELETE', path)).status).toBe(204)
  })

  it('is refused with a body too large, though its id is a word of a path where documents go', async () => {
    const refused = await plane.register('web', 'plan', { padding: 'x'.repeat(70_000) })
    expect(refused.status).toBe(413)
  })

  it('is refused when its workload has too many, and renewals are not', async () => {
    const web = await plane.workload('web')
    const put = (index: number) =>
      plane.call(web, 'PUT', paths.endpoint(mesh, 'web', `e${index}`), {
        address: '127.0.0.1',
        port: 10_000 + index,
      })
    for (let index = 0; index < 1000; index++) expect((await put(index)).status).toBe(200)
    expect(await put(1000)).toMatchObject({
      status: 429,
      body: { type: 'urn:selvage:problem:too-many-endpoints' },
    })
    expect((await put(7)).status).toBe(200)
  })
})
