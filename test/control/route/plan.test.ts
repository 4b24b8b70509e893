import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Plan, paths, planSchema } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

const plan = async (document?: unknown, fragment = 'mesh'): Promise<Plan> => {
  const answer = await plane.call(plane.operator, 'POST', paths.plan(mesh), { fragment, document })
  expect(answer.status).toBe(200)
  return planSchema.parse(answer.body)
}

describe('a plan', () => {
  it('shows changed, added and removed routes, and the workloads that would notice', async () => {
    const canary = { service: 'payments', name: 'canary', to: { 'payments/v1': 50, 'payments/v2': 50 } }
    const beta = { service: 'payments', match: { headers: { 'x-beta': 'yes' } }, to: 'payments/v2' }
    const first = await plan({ ...shop, routes: [canary, beta] })
    expect(first).toMatchObject({ revision: 1, violations: [], services: { added: [], removed: [] } })
    expect(first.routes).toEqual(
      expect.arrayContaining([
        { change: 'changed', service: 'payments', key: 'canary', before: shop.routes[0], after: canary },
        { change: 'added', service: 'payments', key: expect.any(String), after: beta },
      ]),
    )
    expect(first.workloads.toSorted()).toEqual(['orders', 'web'])
    const second = await plan({ ...shop, routes: [] })
    expect(second.routes).toEqual([
      { change: 'removed', service: 'payments', key: 'canary', before: shop.routes[0] },
    ])
  })

  it('changes nothing', async () => {
    await plan({ ...shop, routes: [] })
    expect(await plane.store.revision(mesh)).toBe(1)
  })

  it('shows nothing for what is there already', async () => {
    expect(await plan(shop)).toMatchObject({ routes: [], workloads: [], violations: [] })
  })

  it('shows services that come and go, with their workloads', async () => {
    const { web: _, ...services } = shop.services
    const changed = await plan({
      ...shop,
      services: { ...services, batch: { targetPort: 9000, calls: [] } },
      access: [{ from: 'orders', to: 'payments' }],
    })
    expect(changed.services).toEqual({ added: ['batch'], removed: ['web'] })
    expect(changed.workloads).toEqual(expect.arrayContaining(['web', 'batch']))
  })

  it('shows every violation, at its path', async () => {
    const bad = await plan({
      ...shop,
      routes: [
        { service: 'payments', to: 'payments/v3' },
        { service: 'web', too: 'web' },
      ],
    })
    expect(bad.violations.length).toBeGreaterThanOrEqual(2)
    expect(bad.violations.map(each => each.path)).toContain('routes[0].to')
    expect(bad.workloads).toEqual([])
  })

  it('plans a deletion when there is no document', async () => {
    const gone = await plan(undefined)
    expect(gone.services.removed).toEqual(['web', 'orders', 'payments'])
  })

  it('is refused to a publisher for what it may not publish', async () => {
    const team = await plane.publisher('team', ['ledger'])
    const refused = await plane.call(team, 'POST', paths.plan(mesh), { fragment: 'mesh', document: shop })
    expect(refused.status).toBe(403)
  })
})

describe('explain', () => {
  const explain = (query: string) => plane.call(plane.operator, 'GET', `${paths.explain(mesh)}?${query}`)

  it('answers which route is taken and whether the caller is let in', async () => {
    const { status, body } = await explain(
      'service=payments&method=POST&path=/charges/1&source=web&header=x-a:%201&header=x-b:%202',
    )
    expect(status).toBe(200)
    expect(body).toMatchObject({
      route: { key: 'canary' },
      access: { allowed: true },
      request: { method: 'POST' },
    })
  })

  it('refuses a name that the mesh does not have, and suggests one that it has', async () => {
    expect(await explain('service=payment')).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining('payments') },
    })
  })

  it.each(['', 'service=web&port=x', 'service=web&header=nonsense'])(
    'refuses the query "%s"',
    async query => {
      expect((await explain(query)).status).toBe(400)
    },
  )
})
