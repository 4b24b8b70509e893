import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileAccess } from '../../mesh/access.ts'
import { compileSnapshot } from '../../mesh/compile.ts'
import { defineMesh } from '../../mesh/define.ts'
import { explain, explainResolved, UnknownName } from '../../mesh/explain.ts'
import { resolve } from '../../mesh/resolve.ts'
import { compileRoutes } from '../../mesh/route-index.ts'
import { InvalidMesh } from '../../mesh/violation.ts'
import { requestView } from './request-view.ts'

const shop = defineMesh({
  name: 'shop',
  uses: ['ledger'],
  defaults: { timeout: { request: '5s' } },
  services: {
    web: { targetPort: 3000, calls: ['payments', 'orders'] },
    orders: { targetPort: 3001, calls: ['payments'] },
    payments: {
      targetPort: 8080,
      workloads: { v1: {}, v2: { circuitBreaker: { maxRequests: 7 } } },
      retry: { attempts: 4 },
    },
    db: { targetPort: 5432, protocol: 'tcp', calls: [] },
  },
  workloads: { cron: { calls: ['db'] } },
  routes: [
    { service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } },
    {
      name: 'beta',
      service: 'payments',
      match: { headers: { 'x-user-type': 'beta-tester' }, path: { prefix: '/charges' } },
      to: 'payments/v2',
      retry: { on: ['5xx'] },
    },
    { service: 'payments', match: { path: '/ledger' }, to: 'ledger' },
    { service: 'orders', match: { path: { prefix: '/orders' } }, to: 'orders' },
  ],
  access: [
    {
      name: 'charge',
      from: ['web', 'orders'],
      to: 'payments',
      methods: ['GET', 'POST'],
      paths: ['/charges/*'],
    },
    { name: 'no-orders-on-v2', action: 'deny', from: 'orders', to: 'payments/v2' },
    { name: 'rows', from: 'cron', to: 'db' },
  ],
})

const toPayments = { service: 'payments', source: 'web', path: '/charges/1' } as const

describe('explain', () => {
  it('says where a request goes, with shares', () => {
    const { outcome, route, backends } = explain(shop, toPayments)
    expect(outcome).toEqual({ kind: 'forwarded', reason: 'by routes[0]' })
    expect(route?.place).toBe('routes[0]')
    expect(backends.map(({ workload, percent }) => [workload, percent])).toEqual([
      ['payments/v1', 90],
      ['payments/v2', 10],
    ])
  })

  it('says of every route whether and why it matches, in the order in which they are asked', () => {
    const { routes } = explain(shop, { ...toPayments, headers: { 'X-User-Type': 'tester' } })
    expect(routes.map(({ place, matches, taken, reason }) => [place, matches, taken, reason])).toEqual([
      ['routes[2]', false, false, 'path: found "/charges/1", expected exact "/ledger"'],
      ['routes[1]', false, false, 'headers "x-user-type": found "tester", expected exact "beta-tester"'],
      ['routes[0]', true, true, 'matches'],
    ])
    expect(routes[1]?.conditions).toEqual([
      { input: 'path', name: undefined, expected: 'prefix "/charges"', found: '/charges/1', holds: true },
      {
        input: 'headers',
        name: 'x-user-type',
        expected: 'exact "beta-tester"',
        found: 'tester',
        holds: false,
      },
    ])
  })

  it('says which route goes before one that matches, too', () => {
    const { routes, route } = explain(shop, { ...toPayments, headers: { 'x-user-type': 'beta-tester' } })
    expect(route?.key).toBe('beta')
    expect(routes.at(-1)).toMatchObject({
      matches: true,
      taken: false,
      reason: 'matches (routes[1] goes before it)',
    })
  })

  it('gives each policy field and the level that it came from', () => {
    const { policies, backends } = explain(shop, { ...toPayments, headers: { 'x-user-type': 'beta-tester' } })
    expect(policies.retry).toMatchObject({
      attempts: { value: 4, from: 'service payments' },
      on: { value: ['5xx'], from: 'route beta' },
      nonIdempotent: { value: false, from: 'default' },
    })
    expect(policies.timeout?.requestMs).toEqual({ value: 5000, from: 'mesh' })
    expect(policies.retryBudget?.percent).toEqual({ value: 20, from: 'default' })
    expect(backends[0]?.policies.circuitBreaker?.maxRequests).toEqual({
      value: 7,
      from: 'workload payments/v2',
    })
    expect(backends[0]?.policies.healthCheck).toBeUndefined()
  })

  it('gives the access verdict and the rule behind it', () => {
    expect(explain(shop, toPayments).access).toMatchObject({ allowed: true, rule: 'charge' })
    const refused = explain(shop, { ...toPayments, method: 'DELETE' })
    expect(refused.access).toMatchObject({ allowed: false, rule: undefined })
    expect(refused.outcome).toEqual({
      kind: 'refused',
      status: 403,
      flag: 'UAEX',
      reason: 'no access rule allows web to DELETE /charges/1',
    })
  })

  it('gives a verdict for each backend when rules tell workloads apart', () => {
    const { backends, access, outcome } = explain(shop, { ...toPayments, source: 'orders' })
    expect(backends.map(({ access: verdict }) => verdict?.allowed)).toEqual([true, false])
    expect(access.rule).toBe('no-orders-on-v2')
    expect(outcome.kind).toBe('forwarded')
  })

  it('says that no route matches', () => {
    const { outcome, route, backends } = explain(shop, { service: 'orders', source: 'web', path: '/other' })
    expect(outcome).toMatchObject({ kind: 'refused', status: 404, flag: 'NR' })
    expect([route, backends]).toEqual([undefined, []])
  })

  it('sends to all workloads when the service has no routes', () => {
    const { route, backends } = explain(shop, { service: 'web' })
    expect(route).toEqual({ key: '*', place: 'fallback' })
    expect(backends.map(({ workload }) => workload)).toEqual(['web'])
  })

  it('says that a pending target is answered with 500', () => {
    const { outcome, backends } = explain(shop, { ...toPayments, path: '/ledger' })
    expect(outcome).toMatchObject({ kind: 'refused', status: 500, flag: 'NC' })
    expect(backends).toMatchObject([{ name: 'ledger', workload: undefined, access: undefined }])
  })

  it('says when the caller does not list the service under calls', () => {
    const { outcome, scope } = explain(shop, { service: 'web', source: 'orders' })
    expect(scope).toEqual({ calls: ['payments'], included: false })
    expect(outcome).toMatchObject({ kind: 'refused', status: 404, flag: 'NR' })
    expect(explain(shop, { service: 'web' }).scope).toEqual({ calls: 'all', included: true })
  })

  it('shows the path as it is matched, and refuses one with a NUL', () => {
    expect(explain(shop, { ...toPayments, path: '/x/../charges/%31?a=b' }).request).toMatchObject({
      path: '/x/../charges/%31',
      normalisedPath: '/charges/1',
      query: 'a=b',
    })
    expect(explain(shop, { ...toPayments, path: '/a%00' }).outcome).toMatchObject({
      kind: 'refused',
      status: 400,
    })
  })

  it('explains connections of plain bytes', () => {
    const { request, outcome, access } = explain(shop, { service: 'db', source: 'cron' })
    expect(request).toMatchObject({ protocol: 'tcp', port: 5432 })
    expect(outcome.kind).toBe('forwarded')
    expect(access.rule).toBe('rows')
    expect(explain(shop, { service: 'db' }).access.allowed).toBe(false)
  })

  it('names what the mesh does not have, and the nearest that it has', () => {
    const ask = (request: { service: string; source?: string; port?: number }) => () =>
      explainResolved(resolve(shop), request)
    expect(ask({ service: 'paymens' })).toThrow(UnknownName)
    expect(ask({ service: 'paymens' })).toThrow('service: found "paymens"')
    expect(ask({ service: 'paymens' })).toThrow('did you mean "payments"?')
    expect(ask({ service: 'web', source: 'ordrs' })).toThrow('source: found "ordrs"')
    expect(ask({ service: 'web', source: 'payments' })).toThrow('one of "payments/v1", "payments/v2"')
    expect(ask({ service: 'web', port: 3000 })).toThrow('port: found "3000", expected "80"')
  })

  it('throws the violations of a document that has some', () => {
    expect(() => explain({ name: 'Shop' }, { service: 'web' })).toThrow(InvalidMesh)
  })

  it('takes only names of the document when it was defined with types', () => {
    // @ts-expect-error there is no such service
    expect(() => explain(shop, { service: 'paymens' })).toThrow(UnknownName)
    // @ts-expect-error there is no such workload
    expect(() => explain(shop, { service: 'web', source: 'payments/v3' })).toThrow(UnknownName)
  })

  it('gives the verdicts of the index and the authoriser that proxies run on their snapshots', () => {
    const mesh = resolve(shop)
    const caller = compileSnapshot(mesh, 'web', { addresses: new Map() })
    const callee = compileSnapshot(mesh, 'payments/v2', { addresses: new Map() })
    const index = compileRoutes(caller.outbound.find(({ service }) => service === 'payments')!.routes)
    const { authorise } = compileAccess(callee.inbound[0]!.access)
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'DELETE'),
      path: fc.constantFrom('/', '/ledger', '/charges', '/charges/1', '/charges/..%2fx'),
      headers: fc.constantFrom<Record<string, string>>({}, { 'x-user-type': 'beta-tester' }),
    })
    fc.assert(
      fc.property(request, one => {
        const view = requestView({ ...one, source: 'web' })
        const explained = explainResolved(mesh, { service: 'payments', source: 'web', ...one })
        expect(explained.route?.key).toBe(index.find(view)?.key)
        const v2 = explained.backends.find(({ workload }) => workload === 'payments/v2')
        if (v2 !== undefined) expect(v2.access).toEqual(authorise(view))
      }),
      { numRuns: 100, seed: 3 },
    )
  })
})
