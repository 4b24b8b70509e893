import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileMatch, type RequestView } from '../../mesh/match.ts'
import { compileRoutes } from '../../mesh/route-index.ts'
import { request, routeOf, routeTable } from './route-tables.ts'

const view = (over: Partial<RequestView>): RequestView => ({
  method: 'GET',
  host: 'payments',
  path: '/',
  query: '',
  scheme: 'http',
  port: 80,
  source: undefined,
  header: () => undefined,
  ...over,
})

describe('compileRoutes', () => {
  it('finds the route that a plain scan finds', () => {
    let matched = 0
    fc.assert(
      fc.property(routeTable, fc.array(request, { minLength: 10, maxLength: 10 }), (routes, requests) => {
        const index = compileRoutes(routes)
        const scan = routes.map(route => ({ route, matches: compileMatch(route.match) }))
        for (const one of requests) {
          const expected = scan.find(({ matches }) => matches(one))?.route
          expect(index.find(one)?.key).toBe(expected?.key)
          if (expected !== undefined) matched++
        }
      }),
      { numRuns: 1500, seed: 20 },
    )
    // Guards the generators: a test in which nothing ever matches would prove nothing.
    expect(matched).toBeGreaterThan(2000)
  })

  it('looks at a handful of routes when ten thousand differ by path', () => {
    let asked = 0
    const routes = Array.from({ length: 10_000 }, (_, index) =>
      routeOf({ path: { prefix: `/r${index}` }, headers: { probe: { present: true } } }, `r${index}`),
    )
    const index = compileRoutes(routes)
    const probe = view({ path: '/r9999/x', header: () => `${++asked}` })
    expect(index.find(probe)?.key).toBe('r9999')
    expect(asked).toBeLessThan(5)
  })

  it('looks at a handful of routes when ten thousand differ by host', () => {
    let asked = 0
    const routes = Array.from({ length: 10_000 }, (_, index) =>
      routeOf({ hosts: [`h${index}.test`], headers: { probe: { present: true } } }, `r${index}`),
    )
    const probe = view({ host: 'h9999.test', header: () => `${++asked}` })
    expect(compileRoutes(routes).find(probe)?.key).toBe('r9999')
    expect(asked).toBe(1)
  })

  it('looks at a handful of routes when ten thousand templates differ', () => {
    let asked = 0
    const routes = Array.from({ length: 10_000 }, (_, index) =>
      routeOf({ path: { template: `/t${index}/{id}` }, headers: { probe: { present: true } } }, `r${index}`),
    )
    const probe = view({ path: '/t77/1', header: () => `${++asked}` })
    expect(compileRoutes(routes).find(probe)?.key).toBe('r77')
    expect(asked).toBe(1)
  })

  it('finds nothing in an empty table', () => {
    expect(compileRoutes([]).find(view({}))).toBeUndefined()
    expect(compileRoutes([]).findForConnection(80, 'web')).toBeUndefined()
  })

  it('gives a connection only routes that ask for nothing of HTTP', () => {
    const index = compileRoutes([
      routeOf({ headers: { x: { absent: true } } }, 'http'),
      routeOf({ port: 5432, source: ['web'] }, 'of-web'),
      routeOf({ port: 5432 }, 'of-all'),
    ])
    expect(index.findForConnection(5432, 'web')?.key).toBe('of-web')
    expect(index.findForConnection(5432, undefined)?.key).toBe('of-all')
    expect(index.findForConnection(80, 'web')).toBeUndefined()
  })
})
