import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { paths } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
})
afterEach(() => plane.close())

const restore = (revision: number, headers: Record<string, string> = {}) =>
  plane.call(plane.operator, 'POST', paths.restore(mesh), { revision }, headers)
const audit = { name: mesh, services: { audit: { targetPort: 9000 } } }

describe('history', () => {
  it('tells who changed what and when, newest first', async () => {
    await plane.publish(shop)
    plane.clock.advance(60_000)
    await plane.call(plane.operator, 'DELETE', paths.fragment(mesh, 'mesh'))
    const { body } = await plane.call(plane.operator, 'GET', paths.history(mesh))
    const at = (ms: number) => new Date(ms).toISOString()
    expect(body.entries).toEqual([
      { revision: 2, by: 'operator', action: 'delete', subject: 'mesh', at: at(plane.clock.now()) },
      { revision: 1, by: 'operator', action: 'put', subject: 'mesh', at: at(plane.clock.now() - 60_000) },
    ])
  })

  it('lists as many entries as asked for, and refuses a limit that is none', async () => {
    await plane.publish(shop)
    await plane.publish(audit, 'audit')
    const limited = await plane.call(plane.operator, 'GET', `${paths.history(mesh)}?limit=1`)
    expect(limited.body.entries).toHaveLength(1)
    expect((await plane.call(plane.operator, 'GET', `${paths.history(mesh)}?limit=x`)).status).toBe(400)
  })
})

describe('restore', () => {
  it('makes a new revision with the fragments of the old one', async () => {
    await plane.publish(shop)
    await plane.publish(audit, 'audit')
    await plane.publish({ ...shop, routes: [] })
    expect(await restore(1)).toMatchObject({ status: 200, body: { revision: 4, changed: true } })
    const { body } = await plane.call(plane.operator, 'GET', paths.fragments(mesh))
    expect(body.fragments).toMatchObject([{ fragment: 'mesh', revision: 4 }])
    const { body: restored } = await plane.call(plane.operator, 'GET', paths.fragment(mesh, 'mesh'))
    expect(restored.document).toEqual(shop)
  })

  it('gives services that come back the addresses that they had', async () => {
    await plane.publish(audit, 'audit')
    await plane.publish(shop)
    await plane.call(plane.operator, 'DELETE', paths.fragment(mesh, 'audit'))
    expect(await restore(2)).toMatchObject({
      body: { addresses: { audit: '127.83.0.1', web: '127.83.0.2' } },
    })
  })

  it('makes an If-Match of before it stale', async () => {
    await plane.publish(shop)
    await plane.publish({ ...shop, routes: [] })
    await restore(1)
    const stale = await plane.call(
      plane.operator,
      'PUT',
      paths.fragment(mesh, 'mesh'),
      { ...shop, access: [] },
      { 'if-match': '"1"' },
    )
    expect(stale).toMatchObject({ status: 412, body: { revision: 3 } })
  })

  it('changes nothing when it is so already', async () => {
    await plane.publish(shop)
    expect(await restore(1)).toMatchObject({ status: 200, body: { revision: 1, changed: false } })
  })

  it('refuses a revision that is not kept', async () => {
    expect(await restore(7)).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('revision 7') },
    })
  })

  it('takes the revision of the mesh as a condition', async () => {
    await plane.publish(shop)
    await plane.publish({ ...shop, routes: [] })
    expect(await restore(1, { 'if-match': '"1"' })).toMatchObject({ status: 412, body: { revision: 2 } })
    expect(await restore(1, { 'if-match': '"2"' })).toMatchObject({ status: 200 })
  })

  it('is the operator’s alone', async () => {
    await plane.publish(shop)
    const team = await plane.publisher('team', ['web'])
    expect((await plane.call(team, 'POST', paths.restore(mesh), { revision: 1 })).status).toBe(403)
  })
})
