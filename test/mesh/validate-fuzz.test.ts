import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileSnapshot } from '../../mesh/compile.ts'
import { mergeFragments } from '../../mesh/merge.ts'
import { resolve } from '../../mesh/resolve.ts'
import { compileRoutes } from '../../mesh/route-index.ts'
import { parseSnapshotConfig } from '../../mesh/snapshot-schema.ts'
import { validate } from '../../mesh/validate.ts'

/** Something of everything, so that a mutation can hit anything. */
const full = {
  name: 'shop',
  domain: 'shop.test',
  normalise: 'base',
  defaults: {
    retry: { attempts: 3, backoff: { base: '10ms' } },
    healthCheck: { path: '/health' },
    tls: 'permissive',
  },
  services: {
    web: { targetPort: 3000, hosts: ['www.shop.test'], calls: ['payments', 'cron-api'] },
    payments: {
      ports: { http: { targetPort: 8080 }, raw: { targetPort: 9000, port: 9001, protocol: 'tcp' } },
      workloads: { v1: { calls: [] }, v2: { circuitBreaker: { maxRequests: 1 }, tls: { mode: 'off' } } },
      order: 'listed',
      retry: { on: ['5xx', 409], budget: { percent: 10 } },
      timeout: { request: '5s', idle: 0 },
      outlierDetection: { consecutiveErrors: 5 },
    },
    'cron-api': { targetPort: 4000 },
  },
  workloads: { cron: { services: ['cron-api'] }, batch: { calls: ['web'] } },
  uses: ['ledger'],
  routes: [
    {
      name: 'a',
      service: 'payments',
      match: {
        host: ['*.shop.test'],
        path: { template: '/a/{b}', ignoreCase: true },
        headers: { a: { not: { anyOf: ['x', { regex: 'a+' }] } } },
        query: { q: { range: { from: 1, to: 2 } } },
        source: 'web',
      },
      to: { 'payments/v1': 1, ledger: 2 },
      outlierDetection: { interval: '1s' },
    },
    {
      service: 'web',
      match: { grpc: { service: 'a.B', method: 'C' } },
      to: [{ target: 'web', weight: 1 }],
      retry: false,
    },
  ],
  access: {
    default: 'deny',
    rules: [{ name: 'r', from: '*', to: ['web', 'payments/v1'], paths: ['/a/*'], mode: 'shadow' }],
  },
  telemetry: { accessLog: 'json', tracing: { sample: 10 } },
}

interface Place {
  readonly owner: Record<string, unknown>
  readonly key: string
}

const placesOf = (value: unknown): Place[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.keys(value).flatMap(key => [
        { owner: value as Record<string, unknown>, key },
        ...placesOf((value as Record<string, unknown>)[key]),
      ])

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1e9,
    '',
    'web',
    'payments/v1',
    'a--b',
    '*',
    '/x/../y',
    '(',
    [],
    {},
    [null],
    '1s',
  ),
  fc.anything({ maxDepth: 2 }),
)

const values = placesOf(full).map(({ owner, key }) => owner[key])

/** Numbers pick a place and a value, counted around. */
const mutation = fc.record({
  at: fc.nat(10_000),
  how: fc.constantFrom('delete', 'delete', 'like', 'like', 'odd', 'rename'),
  pick: fc.nat(10_000),
  odd,
})

function mutate(mutations: readonly { at: number; how: string; pick: number; odd: unknown }[]): unknown {
  const document: unknown = structuredClone(full)
  for (const { at, how, pick, odd: value } of mutations) {
    const places = placesOf(document)
    const place = places[at % places.length]
    if (place === undefined) continue
    const before = place.owner[place.key]
    const alike = values.filter(one => typeof one === typeof before)
    if (how === 'odd') place.owner[place.key] = value
    else if (how === 'like') place.owner[place.key] = structuredClone(alike[pick % alike.length])
    else if (Array.isArray(place.owner)) place.owner.splice(Number(place.key), 1)
    else {
      delete place.owner[place.key]
      if (how === 'rename') place.owner[`${place.key}x`] = before
    }
  }
  return document
}

describe('validate', () => {
  it('accepts the document that is mutated here', () => {
    expect(validate(full).violations).toEqual([])
  })

  it('never throws, and what it accepts can be resolved, compiled and read by a proxy', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), mutations => {
        const checked = validate(mutate(mutations))
        if (!checked.ok) {
          expect(checked.violations.length).toBeGreaterThan(0)
          for (const { message } of checked.violations) expect(message.length).toBeLessThan(2000)
          return
        }
        accepted++
        const mesh = resolve(checked.document)
        for (const workload of mesh.workloads.keys()) {
          const config = compileSnapshot(mesh, workload, { addresses: new Map() })
          expect(parseSnapshotConfig(JSON.parse(JSON.stringify(config)))).toEqual(config)
          for (const { routes } of config.outbound) compileRoutes(routes)
        }
        expect(mergeFragments([{ name: 'all', document: checked.document }]).violations).toEqual([])
      }),
      { numRuns: 1500, seed: 7 },
    )
    // Guards the generator: most single mutations are mistakes, but some must be harmless.
    expect(accepted).toBeGreaterThan(50)
  })

  it('never throws for anything at all', () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withMap: true, withDate: true, withBigInt: true }),
        value => {
          expect(validate(value).ok).toBe(false)
        },
      ),
      { numRuns: 1000, seed: 8 },
    )
  })
})
