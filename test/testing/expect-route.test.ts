import { AssertionError } from 'node:assert'
import { describe, expect, it } from 'vitest'
import { defineMesh } from '../../mesh/define.ts'
import { expectRoute } from '../../testing/expect-route.ts'

const mesh = defineMesh({
  name: 'shop',
  services: {
    web: { targetPort: 3000 },
    orders: { targetPort: 3001 },
    payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } },
  },
  routes: [
    {
      name: 'beta',
      service: 'payments',
      match: { headers: { 'x-user-type': 'beta-tester' } },
      to: 'payments/v2',
    },
    {
      name: 'canary',
      service: 'payments',
      to: { 'payments/v1': 90, 'payments/v2': 10 },
      retry: { attempts: 3, perTryTimeout: '250ms' },
    },
    { service: 'orders', match: { path: { prefix: '/orders' } }, to: 'orders' },
  ],
  access: [
    { name: 'web-pays', from: 'web', to: 'payments', methods: ['GET', 'POST'] },
    { name: 'no-orders', from: 'orders', to: 'payments', action: 'deny' },
  ],
})

const charges = { service: 'payments', path: '/charges/1', source: 'web' } as const

describe('expectRoute', () => {
  it('passes when everything expected holds', () => {
    expectRoute(mesh, charges)
      .toReach({ 'payments/v1': 90, 'payments/v2': 10 })
      .toTake('canary')
      .toTake('routes[1]')
      .toBeAllowed()
      .toBeAllowed('web-pays')
      .toHave('retry', { attempts: 3, perTryTimeoutMs: 250 })
    expectRoute(mesh, { ...charges, headers: { 'x-user-type': 'beta-tester' } }).toReach('payments/v2')
    expectRoute(mesh, { ...charges, source: 'orders' })
      .toBeDenied()
      .toBeDenied('no-orders')
    expectRoute(mesh, { ...charges, method: 'DELETE' }).toBeDenied()
    expectRoute(mesh, { service: 'orders', path: '/elsewhere' }).toMatchNothing()
    expectRoute(mesh, { service: 'web' }).toReach('web')
  })

  const beta = { ...charges, headers: { 'x-user-type': 'beta-tester' } }
  it.each([
    [
      'toReach one',
      () => expectRoute(mesh, charges).toReach('payments/v2'),
      'it reaches payments/v1 90 %, payments/v2 10 %',
    ],
    [
      'toReach others',
      () => expectRoute(mesh, beta).toReach({ 'payments/v1': 50, 'payments/v2': 50 }),
      'it reaches payments/v2 100 %',
    ],
    [
      'toReach when refused',
      () => expectRoute(mesh, { ...beta, source: 'orders' }).toReach('payments/v2'),
      'it is answered with 403 UAEX: ',
    ],
    [
      'toReach when nothing matches',
      () => expectRoute(mesh, { service: 'orders', path: '/x' }).toReach('orders'),
      'it is answered with 404 NR: ',
    ],
    ['toTake', () => expectRoute(mesh, charges).toTake('beta'), 'canary was taken'],
    ['toMatchNothing', () => expectRoute(mesh, charges).toMatchNothing(), 'routes[1] matched'],
    ['toBeAllowed', () => expectRoute(mesh, { ...charges, source: 'orders' }).toBeAllowed(), 'no-orders'],
    ['toBeAllowed by another rule', () => expectRoute(mesh, charges).toBeAllowed('other'), 'web-pays'],
    ['toBeDenied', () => expectRoute(mesh, charges).toBeDenied(), 'web-pays'],
    [
      'toBeDenied by a rule when the default did',
      () => expectRoute(mesh, { ...charges, method: 'DELETE' }).toBeDenied('no-orders'),
      'no access rule allows',
    ],
    ['toHave', () => expectRoute(mesh, charges).toHave('retry', { attempts: 4 }), 'it is 3 (from route'],
  ])('%s fails with a sentence that says what is', (_, assertion, actual) => {
    expect(assertion).toThrow(AssertionError)
    expect(assertion).toThrow(actual)
  })

  it('says of every route why it was or was not taken', () => {
    expect(() => expectRoute(mesh, charges).toReach('payments/v2')).toThrow(
      /not taken: routes\[0\] "beta": headers "x-user-type": found nothing.*\n\s+taken: routes\[1\] "canary": matches/,
    )
  })

  it('does not compile with names that the mesh does not have', () => {
    // @ts-expect-error: "payment" is no service
    expect(() => expectRoute(mesh, { service: 'payment' })).toThrow(/service: found "payment".*payments/)
    // @ts-expect-error: "payments/v3" is no workload
    expect(() => expectRoute(mesh, charges).toReach('payments/v3')).toThrow(AssertionError)
  })
})
