/** Generators of route tables and of requests that have a fair chance to match them. */
import fc from 'fast-check'
import type { PathMatch, RequestView, RouteMatch, StringMatch } from '../../mesh/match.ts'
import { compareRoutes } from '../../mesh/match.ts'
import type { Route } from '../../mesh/snapshot.ts'

const segment = fc.constantFrom('a', 'b', 'A', 'ab', 'users', '')
const path = fc.array(segment, { maxLength: 4 }).map(segments => `/${segments.join('/')}`)
const ignoreCase = fc.constantFrom({}, {}, { ignoreCase: true }, { ignoreCase: false })
const template = fc
  .array(fc.constantFrom('a', 'b', 'users', '{x}', '{y}', '{z}'), { minLength: 1, maxLength: 4 })
  .map(segments => `/${segments.join('/')}`)
const regex = fc.constantFrom('/a.*', '/(a|b)/?', '/users/[a-z]+', '.*', '/A')

const pathMatch: fc.Arbitrary<PathMatch> = fc
  .tuple(
    fc.oneof(
      path.map(exact => ({ exact })),
      path.map(prefix => ({ prefix })),
      path.map(startsWith => ({ startsWith })),
      template.map(text => ({ template: text })),
      regex.map(text => ({ regex: text })),
    ),
    ignoreCase,
  )
  .map(([match, flag]) => ({ ...match, ...flag }))

const value = fc.constantFrom('1', '2', 'x', 'X', '')
const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  value.map(exact => ({ exact })),
  value.map(prefix => ({ prefix, ignoreCase: true })),
  fc.constant<StringMatch>({ present: true }),
  fc.constant<StringMatch>({ absent: true }),
  fc.constant<StringMatch>({ range: { from: 1, to: 2 } }),
  fc.constant<StringMatch>({ not: { anyOf: [{ exact: 'x' }, { regex: '[0-9]' }] } }),
)
const conditions = fc.dictionary(fc.constantFrom('p', 'q'), stringMatch, { minKeys: 1, maxKeys: 2 })

const host = fc.constantFrom(
  'a.test',
  'b.a.test',
  'c.b.a.test',
  '*.a.test',
  '*.b.a.test',
  '*.test',
  '*.other',
)

const everything = {
  hosts: fc.array(host, { minLength: 1, maxLength: 2 }),
  path: pathMatch,
  methods: fc.subarray(['GET', 'POST', 'PUT'], { minLength: 1 }),
  headers: conditions,
  query: conditions,
  cookies: conditions,
  scheme: fc.constantFrom<'http' | 'https'>('http', 'https'),
  port: fc.constantFrom(80, 81),
  source: fc.subarray(['web', 'orders'], { minLength: 1 }),
  priority: fc.integer({ min: 0, max: 3 }),
}
const inputs = Object.keys(everything) as (keyof typeof everything)[]

/** Up to three conditions: with more, hardly any request would match. Host and path come more often than the rest. */
export const routeMatch: fc.Arbitrary<RouteMatch> = fc
  .tuple(
    fc.record(everything),
    fc.array(fc.constantFrom(...inputs, 'hosts', 'path', 'path'), { maxLength: 3 }),
  )
  .map(([full, kept]) => Object.fromEntries(kept.map(input => [input, full[input as keyof RouteMatch]])))

const route = (match: RouteMatch, key: string): Route => ({
  key,
  match,
  targets: [],
  retry: {
    attempts: 0,
    on: [],
    perTryTimeoutMs: 0,
    backoffBaseMs: 0,
    backoffMaxMs: 0,
    nonIdempotent: false,
    maxBodyBytes: 0,
  },
  timeout: { requestMs: 0, idleMs: 0, tcpIdleMs: 0, connectMs: 0 },
})

/** Routes in the order that they were written, and in order of precedence. */
export const routeTable: fc.Arbitrary<readonly Route[]> = fc
  .tuple(fc.array(routeMatch, { maxLength: 24 }), fc.boolean())
  .map(([matches, listed]) => {
    const routes = matches.map((match, index) => ({ name: undefined, route: route(match, `r${index}`) }))
    return (listed ? routes : routes.sort(compareRoutes)).map(ranked => ranked.route)
  })

const pairs = (separator: string) =>
  fc
    .array(fc.tuple(fc.constantFrom('p', 'q', 'r'), value), { maxLength: 3 })
    .map(list => list.map(([name, text]) => `${name}=${text}`).join(separator))

export const request: fc.Arbitrary<RequestView> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'DELETE'),
    host: fc.constantFrom('a.test', 'b.a.test', 'c.b.a.test', 'x.y.test', 'test', '.a.test', ''),
    path: fc.oneof(path, fc.constant('*'), template),
    query: pairs('&'),
    scheme: fc.constantFrom<'http' | 'https'>('http', 'https'),
    port: fc.constantFrom(80, 81, 82),
    source: fc.constantFrom('web', 'orders', 'other', undefined),
    headers: fc.dictionary(fc.constantFrom('p', 'q'), value),
    cookie: pairs('; '),
  })
  .map(({ headers, cookie, ...rest }) => ({
    ...rest,
    header: name => (name === 'cookie' ? cookie : Object.hasOwn(headers, name) ? headers[name] : undefined),
  }))

export { route as routeOf }
