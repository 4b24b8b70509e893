import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { etagOf, paths } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
})
afterEach(() => plane.close())

const path = paths.fragment(mesh, 'mesh')
const put = (document: unknown, headers: Record<string, string> = {}, name = 'mesh') =>
  plane.call(plane.operator, 'PUT', paths.fragment(mesh, name), document, headers)
const withWeight = (weight: number) => ({
  ...shop,
  routes: [
    { service: 'payments', name: 'canary', to: { 'payments/v1': 100 - weight, 'payments/v2': weight } },
  ],
})

describe('publishing a fragment', () => {
  it('creates it without a condition, and answers revision, ETag and addresses', async () => {
    const answer = await put(shop)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        mesh,
        revision: 1,
        changed: true,
        addresses: { web: '127.83.0.1', orders: '127.83.0.2', payments: '127.83.0.3' },
        warnings: [],
      },
    })
    expect(answer.headers.get('etag')).toBe('"1"')
  })

  it('gives back the document with its owner and revision', async () => {
    await put(shop)
    expect((await plane.call(plane.operator, 'GET', path)).body).toEqual({
      fragment: 'mesh',
      owner: 'operator',
      revision: 1,
      updatedAt: new Date(plane.clock.now()).toISOString(),
      document: shop,
    })
  })

  it('lists fragments with the address of every service', async () => {
    await put(shop)
    await put({ name: mesh, services: { audit: { targetPort: 9000 } } }, {}, 'audit')
    const { body } = await plane.call(plane.operator, 'GET', paths.fragments(mesh))
    expect(body).toMatchObject({ mesh, revision: 2, addresses: { audit: '127.83.0.4' } })
    expect(
      body.fragments.map((each: { fragment: string; revision: number }) => [each.fragment, each.revision]),
    ).toEqual([
      ['mesh', 1],
      ['audit', 2],
    ])
  })

  it('changes it with the revision that is there as If-Match', async () => {
    await put(shop)
    const changed = await put(withWeight(50), { 'if-match': etagOf(1) })
    expect(changed).toMatchObject({ status: 200, body: { revision: 2, changed: true } })
    expect((await plane.call(plane.operator, 'GET', path)).body.document).toEqual(withWeight(50))
  })

  it('refuses a stale If-Match with 412 and the revision that is there', async () => {
    await put(shop)
    await put(withWeight(50), { 'if-match': etagOf(1) })
    const refused = await put(withWeight(60), { 'if-match': etagOf(1) })
    expect(refused).toMatchObject({ status: 412, body: { revision: 2 } })
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect((await plane.call(plane.operator, 'GET', path)).body.document).toEqual(withWeight(50))
  })

  it('asks for If-Match with 428 when what is there would change without one', async () => {
    await put(shop)
    expect(await put(withWeight(50))).toMatchObject({ status: 428, body: { revision: 1 } })
    expect(await put(withWeight(50), { 'if-none-match': '"other"' })).toMatchObject({ status: 428 })
  })

  it('only creates with If-None-Match: *', async () => {
    expect(await put(shop, { 'if-none-match': '*' })).toMatchObject({ status: 200 })
    expect(await put(withWeight(50), { 'if-none-match': '*' })).toMatchObject({
      status: 412,
      body: { revision: 1 },
    })
  })

  it('only changes what is there with If-Match: *', async () => {
    expect(await put(shop, { 'if-match': '*' })).toMatchObject({ status: 412 })
    await put(shop)
    expect(await put(withWeight(50), { 'if-match': '*' })).toMatchObject({
      status: 200,
      body: { revision: 2 },
    })
  })

  it('accepts what is there already again, whatever the condition and the order of keys, and changes nothing', async () => {
    await put(shop)
    const { name, ...rest } = shop
    for (const headers of [{}, { 'if-match': '"0"' }, { 'if-none-match': '*' }] as Record<string, string>[]) {
      expect(await put({ ...rest, name }, headers)).toMatchObject({
        status: 200,
        body: { revision: 1, changed: false, addresses: { web: '127.83.0.1' } },
      })
    }
    expect(await plane.store.revision(mesh)).toBe(1)
  })

  it('accepts content of an earlier revision again', async () => {
    await put(shop)
    await put(withWeight(50), { 'if-match': '"1"' })
    expect(await put(shop, { 'if-match': '"2"' })).toMatchObject({
      status: 200,
      body: { revision: 3, changed: true },
    })
  })

  it('lets exactly one of those who race with the same revision win', async () => {
    await put(shop)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => put(withWeight(index + 20), { 'if-match': '"1"' })),
    )
    expect(answers.map(answer => answer.status).toSorted()).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 412),
    ])
  })

  it('loses none of 50 fragments that are published at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        put({ name: mesh, services: { [`s${index}`]: { targetPort: 8000 } } }, {}, `f${index}`),
      ),
    )
    expect(answers.every(answer => answer.status === 200)).toBe(true)
    const { body } = await plane.call(plane.operator, 'GET', paths.fragments(mesh))
    expect(body.fragments).toHaveLength(50)
    expect(new Set(Object.values(body.addresses)).size).toBe(50)
  })

  it('reports every violation at its path and accepts nothing', async () => {
    const refused = await put({
      ...shop,
      services: { ...shop.services, web: { targetPort: 'three', clals: ['orders'] } },
      routes: [{ service: 'payments', to: 'payments/v3' }],
    })
    expect(refused.status).toBe(422)
    expect(refused.body.violations.map((each: { path: string }) => each.path)).toEqual(
      expect.arrayContaining(['services.web.targetPort', 'services.web.clals', 'routes[0].to']),
    )
    expect(await plane.store.revision(mesh)).toBe(0)
  })

  it('refuses a document of another mesh or trust domain', async () => {
    expect((await put({ ...shop, name: 'bank' })).body.violations).toEqual([
      { path: 'name', message: 'found "bank", expected "shop", the mesh that this control plane serves' },
    ])
    expect((await put({ ...shop, trustDomain: 'bank.internal' })).body.violations[0].path).toBe('trustDomain')
  })

  it('refuses a service that another fragment defines, and says which', async () => {
    await put(shop)
    const refused = await put({ name: mesh, services: { web: { targetPort: 1 } } }, {}, 'other')
    expect(refused.status).toBe(422)
    expect(refused.body.violations[0]).toMatchObject({ fragment: 'other', path: 'services.web' })
    expect(refused.body.detail).toContain('"mesh" defines already')
  })

  it('warns of names that are pending, and knows them when they come', async () => {
    const caller = {
      name: mesh,
      uses: ['ledger'],
      services: { audit: { targetPort: 9000, calls: ['ledger'] } },
    }
    const pending = await put(caller, {}, 'audit')
    expect(pending.status).toBe(200)
    expect(pending.body.warnings).toHaveLength(1)
    await put({ name: mesh, services: { ledger: { targetPort: 9001 } } }, {}, 'ledger')
    const audit = await plane.workload('audit')
    const { body } = await plane.call(audit, 'GET', paths.snapshotConfig(mesh, 'audit'))
    expect(body.outbound.map((each: { service: string }) => each.service)).toEqual(['ledger'])
  })

  it('refuses a fragment that is too large, compressed, and changes nothing', async () => {
    const noise = () => Math.random().toString(36).slice(2)
    const rules = Array.from({ length: 9000 }, (_, index) => ({
      name: `rule-${index}`,
      from: 'web',
      to: 'payments',
      paths: [`/${noise()}${noise()}${noise()}${noise()}/*`],
    }))
    const refused = await put({ ...shop, access: rules })
    expect(refused).toMatchObject({ status: 413, body: { title: 'The request is too large' } })
    expect(refused.body.detail).toMatch(/fragment "mesh" is too large: \d+ bytes compressed/)
    expect(await plane.store.revision(mesh)).toBe(0)
  })

  it.each([
    ['that is too long', `{"name":"${'x'.repeat(5_000_000)}"}`, 'application/json', 413],
    ['that is no JSON', '{"name":', 'application/json', 400],
    ['that is no object', '[1]', 'application/json', 400],
    ['of another type', 'name: shop', 'application/yaml', 415],
  ])('refuses a body %s', async (_, body, type, status) => {
    const refused = await put(body, { 'content-type': type })
    expect(refused).toMatchObject({
      status,
      body: { status, type: expect.stringContaining('urn:selvage:problem:') },
    })
  })

  it('refuses a fragment name that is not one', async () => {
    expect(await put(shop, {}, 'A b')).toMatchObject({ status: 400 })
  })
})

describe('addresses', () => {
  it('stay when the fragment changes, and are freed only when the service is gone', async () => {
    await put(shop)
    const { web: _, ...others } = shop.services
    const without = {
      ...shop,
      services: { extra: { targetPort: 9000, calls: [] }, ...others },
      access: [{ from: 'orders', to: 'payments' }],
    }
    expect((await put(without, { 'if-match': '*' })).body.addresses).toEqual({
      extra: '127.83.0.1',
      orders: '127.83.0.2',
      payments: '127.83.0.3',
    })
  })

  it('that run out are a clear refusal and change nothing', async () => {
    plane.close()
    plane = await createPlane({ addressRange: '127.90.0.0/30' })
    const refused = await put(shop)
    expect(refused).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('127.90.0.0/30 holds 2') },
    })
    expect(await plane.store.revision(mesh)).toBe(0)
  })
})

describe('deleting a fragment', () => {
  it('succeeds when it never was', async () => {
    expect(await plane.call(plane.operator, 'DELETE', paths.fragment(mesh, 'never'))).toMatchObject({
      status: 200,
      body: { changed: false, revision: 0 },
    })
  })

  it('takes its services out of the mesh', async () => {
    await put(shop)
    expect(await plane.call(plane.operator, 'DELETE', path)).toMatchObject({
      status: 200,
      body: { revision: 2 },
    })
    expect((await plane.call(plane.operator, 'GET', path)).status).toBe(404)
    expect((await plane.call(plane.operator, 'GET', paths.fragments(mesh))).body.addresses).toEqual({})
  })

  it('is refused with 412 when a condition is given and stale', async () => {
    await put(shop)
    const refused = await plane.call(plane.operator, 'DELETE', path, undefined, { 'if-match': '"7"' })
    expect(refused).toMatchObject({ status: 412, body: { revision: 1 } })
  })
})

describe('owners', () => {
  const payments = { name: mesh, services: { payments: { targetPort: 8080 } } }

  it('lets a publisher write a fragment of its own services, and nobody else change it', async () => {
    const team = await plane.publisher('team-a', ['payments'])
    const other = await plane.publisher('team-b', ['payments', 'orders'])
    const own = paths.fragment(mesh, 'payments')
    expect((await plane.call(team, 'PUT', own, payments)).status).toBe(200)
    expect((await plane.call(team, 'GET', own)).body.owner).toBe('publisher:team-a')
    const refused = await plane.call(other, 'PUT', own, payments, { 'if-match': '*' })
    expect(refused).toMatchObject({
      status: 403,
      body: {
        detail: 'fragment "payments" belongs to publisher:team-a, and publisher:team-b may not change it',
      },
    })
    expect((await plane.call(other, 'DELETE', own)).status).toBe(403)
  })

  it('knows a publisher by its name, whichever of its tokens it brings', async () => {
    const own = paths.fragment(mesh, 'payments')
    await plane.call(await plane.publisher('team-a', ['payments']), 'PUT', own, payments)
    const again = await plane.publisher('team-a', ['payments'])
    expect((await plane.call(again, 'DELETE', own)).status).toBe(200)
  })

  it('keeps the owner when an operator changes a fragment', async () => {
    const team = await plane.publisher('team-a', ['payments'])
    const own = paths.fragment(mesh, 'payments')
    await plane.call(team, 'PUT', own, payments)
    await plane.publish({ name: mesh, services: { payments: { targetPort: 9090 } } }, 'payments')
    expect((await plane.call(plane.operator, 'GET', own)).body.owner).toBe('publisher:team-a')
  })

  it.each([
    ['a service outside its scope', { services: { web: { targetPort: 1 } } }, 'services.web'],
    ['a top-level workload outside its scope', { workloads: { batch: {} } }, 'workloads.batch'],
    [
      'a workload behind somebody else’s service',
      { workloads: { helper: { services: ['orders'] } }, uses: ['orders'] },
      'workloads.helper.services[0]',
    ],
    [
      'routes of somebody else’s service',
      { uses: ['orders'], routes: [{ service: 'orders', to: 'orders' }] },
      'routes[0].service',
    ],
    [
      'access rules of somebody else’s service',
      { uses: ['orders'], access: [{ from: 'ledger', to: 'orders' }] },
      'access[0].to',
    ],
    [
      'the host of a service that is yet to come',
      { services: { ledger: { targetPort: 9001, calls: [], hosts: ['orders-v2.shop.internal'] } } },
      'services.ledger.hosts[0]',
    ],
    [
      'a host outside',
      {
        services: {
          ledger: { targetPort: 9001, calls: [], hosts: ['ledger.shop.internal', 'api.bank.example'] },
        },
      },
      'services.ledger.hosts[1]',
    ],
    ['defaults of the whole mesh', { defaults: { retry: false } }, 'defaults'],
    ['what services do by default', { access: 'deny' }, 'access'],
  ])('refuses a publisher %s, at its place', async (_, part, place) => {
    await put({ name: mesh, services: { orders: { targetPort: 3001, calls: [] } } })
    const team = await plane.publisher('team-a', ['ledger', 'helper'])
    const document = { name: mesh, services: { ledger: { targetPort: 9001, calls: [] } }, ...part }
    const refused = await plane.call(team, 'PUT', paths.fragment(mesh, 'ledger'), document)
    expect(refused.status).toBe(403)
    expect(refused.body.violations.map((each: { path: string }) => each.path)).toContain(place)
    expect(await plane.store.revision(mesh)).toBe(1)
  })

  it('lets a publisher take the hosts that its token names', async () => {
    const team = await plane.publisher('team-a', ['ledger', 'books', 'ledger.example.com'])
    const hosts = ['ledger.example.com', 'books.shop.internal']
    const document = { name: mesh, services: { ledger: { targetPort: 9001, hosts } } }
    expect((await plane.call(team, 'PUT', paths.fragment(mesh, 'ledger'), document)).status).toBe(200)
  })

  it('refuses a publisher the routes of a service that an operator owns, though its scope names it', async () => {
    await put(shop)
    const team = await plane.publisher('team-a', ['payments'])
    const document = { name: mesh, uses: ['payments'], routes: [{ service: 'payments', to: 'payments' }] }
    const refused = await plane.call(team, 'PUT', paths.fragment(mesh, 'routes'), document)
    expect(refused).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('"payments" belongs to operator') },
    })
  })

  it('lets an operator write routes of a publisher’s service', async () => {
    const team = await plane.publisher('team-a', ['payments'])
    await plane.call(team, 'PUT', paths.fragment(mesh, 'payments'), payments)
    const routes = { name: mesh, uses: ['payments'], routes: [{ service: 'payments', to: 'payments' }] }
    expect((await put(routes, {}, 'routes')).status).toBe(200)
  })
})
