import { describe, expect, it } from 'vitest'
import type { MeshDocumentInput } from '../../mesh/document.ts'
import { type Fragment, mergeFragments } from '../../mesh/merge.ts'
import { resolve } from '../../mesh/resolve.ts'
import { validate } from '../../mesh/validate.ts'

const fragment = (name: string, document: Partial<MeshDocumentInput>, operator = false): Fragment => {
  const whole = { name: 'shop', ...document }
  expect(validate(whole).violations).toEqual([])
  return { name, document: whole, operator }
}

const payments = fragment('payments', {
  services: { payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } } },
  routes: [{ service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } }],
})
const web = fragment('web', {
  uses: ['payments', 'payments/v2'],
  services: { web: { targetPort: 3000, calls: ['payments'] } },
})

describe('mergeFragments', () => {
  it('makes one valid document of all', () => {
    const { document, violations, warnings } = mergeFragments([web, payments])
    expect([violations, warnings]).toEqual([[], []])
    expect(validate(document)).toMatchObject({ ok: true, warnings: [] })
    expect(document).toMatchObject({
      name: 'shop',
      uses: [],
      services: { web: { calls: ['payments'] }, payments: { targetPort: 8080 } },
      routes: [{ service: 'payments' }],
    })
  })

  it('is nothing without fragments', () => {
    expect(mergeFragments([])).toEqual({ document: undefined, violations: [], warnings: [] })
  })

  it('warns of names that are pending, where they are declared, and answers their share with 500', () => {
    const early = fragment('web', {
      uses: ['later', 'payments'],
      services: { web: { targetPort: 3000 } },
      routes: [{ service: 'web', to: { web: 1, later: 1 } }],
    })
    const { document, violations, warnings } = mergeFragments([payments, early])
    expect(violations).toEqual([])
    expect(warnings).toEqual([
      { fragment: 'web', path: 'uses[0]', message: expect.stringContaining('"later" is pending') },
    ])
    expect(validate(document).ok).toBe(true)
    expect(resolve(document!).services.get('web')?.routes[0]?.route.targets).toContainEqual({
      name: 'later',
      weight: 1,
    })
  })

  it('refuses two fragments that define one name', () => {
    const other = fragment('other', { services: { payments: { targetPort: 1 } } })
    const worker = fragment('worker', { workloads: { web: {} } })
    expect(mergeFragments([payments, web, other, worker]).violations).toEqual([
      {
        fragment: 'other',
        path: 'services.payments',
        message: expect.stringContaining('the fragment "payments"'),
      },
      { fragment: 'worker', path: 'workloads.web', message: expect.stringContaining('the fragment "web"') },
    ])
  })

  const meddling: Partial<MeshDocumentInput> = {
    uses: ['payments', 'payments/v1'],
    services: { web: { targetPort: 3000 } },
    workloads: { shadow: { services: ['payments'] } },
    routes: [
      { service: 'web', to: 'payments/v1' },
      { service: 'payments', match: { path: '/x' }, to: 'payments/v1' },
    ],
    access: [
      { from: 'web', to: 'web' },
      { from: 'web', to: ['web', 'payments/v1'] },
    ],
  }

  it("refuses routes, rules and workloads of another fragment's service", () => {
    const { violations } = mergeFragments([payments, fragment('web', meddling)])
    expect(violations.map(({ fragment: name, path }) => [name, path])).toEqual([
      ['web', 'routes[1].service'],
      ['web', 'access[1].to'],
      ['web', 'workloads.shadow.services[0]'],
    ])
    expect(violations[0]?.message).toContain('the fragment "payments" owns')
  })

  it('lets an operator write them', () => {
    const { document, violations } = mergeFragments([payments, fragment('web', meddling, true)])
    expect(violations).toEqual([])
    expect(document?.routes).toHaveLength(3)
  })

  it('refuses fragments that say different things of the whole mesh', () => {
    const first = fragment('a', { domain: 'a.test', access: 'deny', defaults: { retry: { attempts: 1 } } })
    const second = fragment('b', {
      name: 'other',
      domain: 'b.test',
      access: 'allow',
      defaults: { retry: { attempts: 1 } },
    })
    const { violations } = mergeFragments([first, second])
    expect(violations.map(({ fragment: name, path }) => [name, path])).toEqual([
      ['b', 'name'],
      ['b', 'domain'],
      ['b', 'access'],
    ])
  })

  it('takes what concerns the whole mesh from whichever fragment says it', () => {
    const settings = fragment('mesh', { domain: 'a.test', access: 'deny', normalise: 'merge-slashes' })
    expect(mergeFragments([payments, settings]).document).toMatchObject({
      domain: 'a.test',
      normalise: 'merge-slashes',
      access: { default: 'deny', rules: [] },
    })
  })

  it('finds what only the whole shows, and says in which fragment it is written', () => {
    const greedy = fragment('greedy', {
      services: { greedy: { targetPort: 9000, hosts: ['payments.shop.internal'] } },
    })
    expect(mergeFragments([payments, greedy]).violations).toEqual([
      {
        fragment: 'greedy',
        path: 'services.greedy.hosts[0]',
        message: expect.stringContaining('"payments"'),
      },
    ])
    const binder = fragment('binder', { services: { binder: { targetPort: 80 } } })
    expect(mergeFragments([payments, binder]).violations[0]).toMatchObject({
      fragment: 'payments',
      path: 'services.payments',
    })
  })

  it('places findings about routes and rules where their author wrote them', () => {
    const first = fragment('a', {
      services: { a: { targetPort: 1 } },
      routes: [{ service: 'a', to: 'a' }],
      access: [{ from: '*', to: 'a' }],
    })
    const second = fragment('b', {
      uses: ['a'],
      services: { b: { targetPort: 2 } },
      routes: [
        { service: 'b', match: { path: '/1' }, to: 'b' },
        { service: 'b', match: { path: '/1' }, to: 'b' },
      ],
      access: { rules: [{ from: 'a', to: 'b', action: 'deny' }] },
    })
    expect(mergeFragments([first, second]).warnings.map(({ fragment: name, path }) => [name, path])).toEqual([
      ['b', 'routes[1]'],
      ['b', 'access.rules[0]'],
    ])
  })

  it('names rules that have no name by their place in their fragment', () => {
    const rules = [{ from: '*' as const, to: 'payments' }]
    const owner = fragment('payments', { ...payments.document, access: rules })
    const { document } = mergeFragments([web, owner])
    expect(document?.access).toMatchObject({ rules: [{ name: 'payments.access.0' }] })
    expect(validate(document).ok).toBe(true)
  })

  it('refuses routes of a listed service from two fragments', () => {
    const listed = fragment('payments', {
      services: { payments: { targetPort: 8080, order: 'listed' } },
      routes: [{ service: 'payments', to: 'payments' }],
    })
    const operator = fragment(
      'ops',
      { uses: ['payments'], routes: [{ service: 'payments', match: { path: '/a' }, to: 'payments' }] },
      true,
    )
    expect(mergeFragments([listed, operator]).violations).toEqual([
      { fragment: 'ops', path: 'routes[0]', message: expect.stringContaining('in one fragment') },
    ])
  })
})
