import { expect, test } from 'vitest'
import {
  benchDocument,
  CALLED_WORKLOAD,
  CALLING_WORKLOAD,
  ROUTE_COUNT,
  requestPaths,
} from '../../bench/document.ts'
import { benchSnapshot } from '../../bench/snapshot.ts'
import { validate } from '../../mesh/validate.ts'

test.each(['one-hop', 'two-hops'] as const)('the document of %s is valid', topology => {
  expect(validate(benchDocument(topology, 8080, ROUTE_COUNT))).toMatchObject({ ok: true, warnings: [] })
})

test('the request that is measured matches the route in the middle', () => {
  const snapshot = benchSnapshot({
    topology: 'two-hops',
    workload: CALLING_WORKLOAD,
    routeCount: 100,
    appPort: 8080,
    upstreamPort: 15006,
  })
  const [service] = snapshot.config.outbound
  expect(service?.routes).toHaveLength(100)
  expect(requestPaths.small(100)).toBe('/route-50/charges')
  expect(snapshot.endpoints.clusters[CALLED_WORKLOAD]).toMatchObject([{ port: 15006 }])
})

test('the called workload lets the caller in by a rule, and nobody else', () => {
  const { config } = benchSnapshot({
    topology: 'two-hops',
    workload: CALLED_WORKLOAD,
    routeCount: 1,
    appPort: 8080,
    upstreamPort: 1,
  })
  expect(config.inbound).toMatchObject([{ tls: 'strict', access: { byDefault: 'deny' } }])
  expect(config.inbound[0]?.access.rules.map(({ from }) => from)).toEqual([['audit'], [CALLING_WORKLOAD]])
})
