import { describe, expect, it } from 'vitest'
import {
  compareRoutes,
  compileMatch,
  type PathMatch,
  type RouteMatch,
  type StringMatch,
} from '../../mesh/match.ts'
import { matchSchema, resolveMatch } from '../../mesh/match-schema.ts'
import { requestView } from './request-view.ts'
import { routeOf } from './route-tables.ts'

const matchesPath = (match: PathMatch, path: string) => compileMatch({ path: match })(requestView({ path }))

describe('paths', () => {
  it.each<[PathMatch, readonly string[], readonly string[]]>([
    [{ exact: '/a' }, ['/a'], ['/a/', '/A', '/ab', '/']],
    [{ exact: '/a', ignoreCase: true }, ['/a', '/A'], ['/ab']],
    [{ prefix: '/a' }, ['/a', '/a/', '/a/b'], ['/ab', '/', '/A/b']],
    [{ prefix: '/a/' }, ['/a', '/a/b'], ['/ab']],
    [{ prefix: '/' }, ['/', '/a/b'], []],
    [{ prefix: '/a', ignoreCase: true }, ['/A/b'], ['/AB']],
    [{ startsWith: '/a' }, ['/a', '/ab', '/a/b'], ['/b', '/']],
    [{ startsWith: '/a', ignoreCase: true }, ['/Ab'], ['/b']],
    [{ template: '/users/{id}' }, ['/users/1', '/users/a.b'], ['/users', '/users/', '/users/1/x', '/user/1']],
    [{ template: '/users/{id}/posts' }, ['/users/1/posts'], ['/users//posts', '/users/1/posts/']],
    [{ template: '/Users/{id}', ignoreCase: true }, ['/users/A'], []],
    [{ regex: '/v[0-9]+' }, ['/v1', '/v22'], ['/v1/x', '/x/v1', '/v']],
    [{ regex: '/V[0-9]', ignoreCase: true }, ['/v1'], ['/v11']],
  ])('%o takes %j and not %j', (match, taken, left) => {
    for (const path of taken) expect(matchesPath(match, path), path).toBe(true)
    for (const path of left) expect(matchesPath(match, path), path).toBe(false)
  })
})

describe('strings', () => {
  const matches = (match: StringMatch, value: string | undefined) =>
    compileMatch({ headers: { x: match } })(requestView({ headers: value === undefined ? {} : { x: value } }))

  it.each<[StringMatch, readonly (string | undefined)[], readonly (string | undefined)[]]>([
    [{ exact: 'ab' }, ['ab'], ['AB', 'abc', undefined]],
    [{ exact: 'ab', ignoreCase: true }, ['AB'], ['abc', undefined]],
    [{ prefix: 'ab' }, ['ab', 'abc'], ['a', 'xab', undefined]],
    [{ suffix: 'ab' }, ['ab', 'xab'], ['abx', undefined]],
    [{ suffix: 'AB', ignoreCase: true }, ['xab'], ['x']],
    [{ contains: 'b' }, ['abc'], ['ac', undefined]],
    [{ regex: 'a.c' }, ['abc', 'a\nc'], ['abcd', 'xabc', undefined]],
    [{ regex: 'A', ignoreCase: true }, ['a'], ['aa']],
    [{ present: true }, ['', 'x'], [undefined]],
    [{ absent: true }, [undefined], ['', 'x']],
    [{ range: { from: 1, to: 3 } }, ['1', '2.9', '01'], ['3', '0', '', 'x', '1x', ' 1', undefined]],
    [{ range: { from: -2, to: 0 } }, ['-2', '-0.5'], ['0']],
    [{ anyOf: [{ exact: 'a' }, { absent: true }] }, ['a', undefined], ['b']],
    [{ not: { exact: 'a' } }, ['b', undefined], ['a']],
    [{ not: { anyOf: [{ exact: 'a' }, { not: { present: true } }] } }, ['b'], ['a', undefined]],
  ])('%o takes %j and not %j', (match, taken, left) => {
    for (const value of taken) expect(matches(match, value), String(value)).toBe(true)
    for (const value of left) expect(matches(match, value), String(value)).toBe(false)
  })
})

describe('inputs', () => {
  const holds = (match: RouteMatch, over: Parameters<typeof requestView>[0]) =>
    compileMatch(match)(requestView(over))

  it('matches a host exactly, and any depth below a wildcard', () => {
    const match = { hosts: ['pay.test', '*.shop.test'] }
    expect(holds(match, { host: 'pay.test' })).toBe(true)
    expect(holds(match, { host: 'a.shop.test' })).toBe(true)
    expect(holds(match, { host: 'a.b.shop.test' })).toBe(true)
    expect(holds(match, { host: 'shop.test' })).toBe(false)
    expect(holds(match, { host: '.shop.test' })).toBe(false)
    expect(holds(match, { host: 'ashop.test' })).toBe(false)
    expect(holds(match, { host: 'a.pay.test' })).toBe(false)
  })

  it('matches any of several methods', () => {
    expect(holds({ methods: ['GET', 'HEAD'] }, { method: 'HEAD' })).toBe(true)
    expect(holds({ methods: ['GET', 'HEAD'] }, { method: 'POST' })).toBe(false)
  })

  it('asks every header', () => {
    const match = { headers: { a: { exact: '1' }, b: { exact: '2' } } }
    expect(holds(match, { headers: { a: '1', b: '2' } })).toBe(true)
    expect(holds(match, { headers: { a: '1' } })).toBe(false)
  })

  it('takes the first of repeated query parameters, decoded', () => {
    const match = (exact: string) => ({ query: { 'a b': { exact } } })
    expect(holds(match('x/y'), { query: 'c=1&a%20b=x%2Fy&a+b=z' })).toBe(true)
    expect(holds(match('z'), { query: 'a%20b=x&a+b=z' })).toBe(false)
    expect(holds(match(''), { query: 'a+b' })).toBe(true)
    expect(holds({ query: { a: { absent: true } } }, { query: 'ab=1&=a' })).toBe(true)
    expect(holds({ query: { a: { exact: '%zz' } } }, { query: 'a=%zz' })).toBe(true)
    expect(holds({ query: { a: { exact: '1=2' } } }, { query: 'a=1=2' })).toBe(true)
  })

  it('matches cookies by name', () => {
    const match = { cookies: { group: { exact: 'beta' } } }
    expect(holds(match, { headers: { cookie: 'a=1; group=beta' } })).toBe(true)
    expect(holds(match, { headers: { cookie: 'group="beta"' } })).toBe(true)
    expect(holds(match, { headers: { cookie: 'xgroup=beta; b=group=beta' } })).toBe(false)
    expect(holds(match, {})).toBe(false)
  })

  it('matches scheme, port and the workload that calls', () => {
    expect(holds({ scheme: 'https' }, { scheme: 'https' })).toBe(true)
    expect(holds({ scheme: 'https' }, {})).toBe(false)
    expect(holds({ port: 8080 }, { port: 8080 })).toBe(true)
    expect(holds({ port: 8080 }, {})).toBe(false)
    expect(holds({ source: ['web'] }, { source: 'web' })).toBe(true)
    expect(holds({ source: ['web'] }, { source: 'orders' })).toBe(false)
    expect(holds({ source: ['web'] }, {})).toBe(false)
  })

  it.each([
    [{ service: 'shop.Payments', method: 'Charge' }, ['/shop.Payments/Charge'], ['/shop.Payments/Refund']],
    [{ service: 'shop.Payments' }, ['/shop.Payments/Charge'], ['/shop.Orders/Charge', '/shop.Payments']],
    [{ method: 'Charge' }, ['/a/Charge', '/b/Charge'], ['/a/Refund', '/Charge']],
  ])('reads gRPC %o as a path', (grpc, taken, left) => {
    const match = compileMatch(resolveMatch(matchSchema.parse({ grpc }), undefined, name => [name]))
    for (const path of taken) expect(match(requestView({ path })), path).toBe(true)
    for (const path of left) expect(match(requestView({ path })), path).toBe(false)
  })

  it('reads gRPC metadata as headers', () => {
    const match = compileMatch(
      resolveMatch(matchSchema.parse({ grpc: { metadata: { 'X-Tenant': 'a' } } }), undefined, name => [name]),
    )
    expect(match(requestView({ headers: { 'x-tenant': 'a' } }))).toBe(true)
    expect(match(requestView({}))).toBe(false)
  })
})

describe('precedence', () => {
  const header = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, { present: true } as const]))

  /** From the first to the last: each goes before all that follow, whatever order they were written in. */
  const ladder: readonly RouteMatch[] = [
    { priority: 1 },
    { priority: 2, hosts: ['a.test'] },
    { hosts: ['a.test'], path: { exact: '/a' } },
    { hosts: ['a.test'] },
    { hosts: ['*.long.a.test'] },
    { hosts: ['*.a.test'], path: { exact: '/a' } },
    { path: { exact: '/a' }, methods: ['GET'] },
    { path: { exact: '/a' } },
    { path: { template: '/a/b/{x}' } },
    { path: { template: '/a/{x}/{y}' } },
    { path: { prefix: '/aaa/bbb' } },
    { path: { startsWith: '/aaa/b' } },
    { path: { prefix: '/aa/' } },
    { path: { startsWith: '/aa' } },
    { path: { prefix: '/' } },
    { path: { regex: '/.*' }, methods: ['GET'] },
    { path: { regex: '/very/long/pattern/.*' } },
    { methods: ['GET'], headers: header(1) },
    { methods: ['GET'] },
    { headers: header(3) },
    { headers: header(1), cookies: header(1) },
    { headers: header(1), query: header(2) },
    { headers: header(1), query: header(1) },
    { headers: header(1) },
    { query: header(1) },
    { source: ['web'], port: 80 },
    { source: ['web'] },
    {},
  ]

  it('orders by priority, host, path, method, headers, query, then source, port and scheme', () => {
    const ranked = ladder.map((match, index) => ({ name: undefined, route: routeOf(match, String(index)) }))
    for (const [above, first] of ranked.entries())
      for (const [offset, second] of ranked.slice(above + 1).entries()) {
        const pair = `${above} before ${above + 1 + offset}`
        expect(compareRoutes(first, second), pair).toBeLessThan(0)
        expect(compareRoutes(second, first), pair).toBeGreaterThan(0)
      }
  })

  it('orders equals by name, the nameless last, and leaves the rest as written', () => {
    const named = (name: string | undefined, key: string) => ({ name, route: routeOf({}, key) })
    const routes = [named(undefined, '1'), named('b', '2'), named(undefined, '3'), named('a', '4')]
    expect(routes.sort(compareRoutes).map(({ route }) => route.key)).toEqual(['4', '2', '1', '3'])
  })

  it('takes prefixes with and without a slash at the end as equally long', () => {
    const prefix = (text: string) => ({ name: undefined, route: routeOf({ path: { prefix: text } }, text) })
    expect(compareRoutes(prefix('/a/'), prefix('/a'))).toBe(0)
  })
})
