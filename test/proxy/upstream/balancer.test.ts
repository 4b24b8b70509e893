import { describe, expect, it } from 'vitest'
import { candidatesOf, pickEndpoint } from '../../../proxy/upstream/balancer.ts'
import { Endpoint, type EndpointHome } from '../../../proxy/upstream/endpoint.ts'
import { scriptedRandom, seededRandom } from '../../../testing/random.ts'
import { endpoint } from '../snapshots.ts'

const nowhere: EndpointHome = {
  workload: 'payments',
  destination: () => ({ address: '10.0.0.1', port: 1, protocol: 'http', tls: undefined }),
  newPool: () => {
    throw new Error('balancing needs no pool')
  },
}

const make = (id: string, more: Parameters<typeof endpoint>[1] = {}): Endpoint =>
  new Endpoint(nowhere, endpoint(id, more))

const everyoneWell = (): boolean => true

/** How often each endpoint is picked, as shares, while `hold` of the picks stay in flight. */
function shares(endpoints: readonly Endpoint[], rounds: number, hold: number): Record<string, number> {
  const candidates = candidatesOf(endpoints, everyoneWell, 50)
  const random = seededRandom(7)
  const counts: Record<string, number> = {}
  const inFlight: Endpoint[] = []
  for (let i = 0; i < rounds; i++) {
    const picked = pickEndpoint(candidates, undefined, random)!
    counts[picked.id] = (counts[picked.id] ?? 0) + 1
    picked.active++
    inFlight.push(picked)
    if (inFlight.length > hold) inFlight.shift()!.active--
  }
  return Object.fromEntries(Object.entries(counts).map(([id, count]) => [id, count / rounds]))
}

describe('pickEndpoint', () => {
  it('takes the less loaded of two', () => {
    const [busy, calm] = [make('a'), make('b')]
    busy.active = 5
    const candidates = candidatesOf([busy, calm], everyoneWell, 50)
    for (let i = 0; i < 20; i++) expect(pickEndpoint(candidates, undefined, seededRandom(i))).toBe(calm)
  })

  it('never compares an endpoint with itself', () => {
    const [a, b, c] = [make('a'), make('b'), make('c')]
    a.active = 1
    const candidates = candidatesOf([a, b, c], everyoneWell, 50)
    expect(pickEndpoint(candidates, undefined, scriptedRandom(0, 0))).toBe(b)
  })

  it('gives equal endpoints equal shares', () => {
    const picked = shares([make('a'), make('b'), make('c'), make('d')], 20_000, 8)
    for (const share of Object.values(picked)) expect(share).toBeCloseTo(0.25, 1)
  })

  it('gives shares by weight', () => {
    const endpoints = [make('a', { weight: 3 }), make('b', { weight: 1 })]
    const idle = shares(endpoints, 20_000, 0)
    expect(idle.a).toBeCloseTo(0.75, 1)
    const busy = shares(endpoints, 20_000, 12)
    expect(busy.a).toBeCloseTo(0.75, 1)
  })

  it('avoids endpoints that were tried while there are others', () => {
    const [a, b] = [make('a'), make('b')]
    b.active = 9
    const candidates = candidatesOf([a, b], everyoneWell, 50)
    expect(pickEndpoint(candidates, [a], seededRandom(1))).toBe(b)
    expect([a, b]).toContain(pickEndpoint(candidates, [a, b], seededRandom(1)))
  })

  it('picks nothing from nothing', () => {
    expect(pickEndpoint(candidatesOf([], everyoneWell, 50), undefined, seededRandom(1))).toBeUndefined()
  })
})

describe('candidatesOf', () => {
  it('leaves out endpoints that drain, weigh nothing or are unwell', () => {
    const [well, draining, weightless, sick] = [
      make('a'),
      make('b', { health: 'draining' }),
      make('c', { weight: 0 }),
      make('d'),
    ]
    const { endpoints } = candidatesOf([well, draining, weightless, sick], one => one !== sick, 50)
    expect(endpoints).toEqual([well])
  })

  it('ignores health below the panic threshold, and never what drains', () => {
    const [well, sick, sicker, draining] = [
      make('a'),
      make('b'),
      make('c'),
      make('d', { health: 'draining' }),
    ]
    const all = [well, sick, sicker, draining]
    expect(candidatesOf(all, one => one === well, 50).endpoints).toEqual([well, sick, sicker])
    expect(candidatesOf(all, one => one === well, 33).endpoints).toEqual([well])
    expect(candidatesOf(all, () => false, 0).endpoints).toEqual([])
  })

  it('has all endpoints take requests when just the threshold is well', () => {
    const [well, sick] = [make('a'), make('b')]
    expect(candidatesOf([well, sick], one => one === well, 50).endpoints).toEqual([well])
  })
})
