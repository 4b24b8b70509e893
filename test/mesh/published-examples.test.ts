import { describe, expect, it } from 'vitest'
import { compileSnapshot } from '../../mesh/compile.ts'
import { defineMesh } from '../../mesh/define.ts'
import { explain } from '../../mesh/explain.ts'
import { resolve } from '../../mesh/resolve.ts'

/** The canary that articles publish to introduce Istio, written as a mesh document. */
const production = defineMesh({
  name: 'production',
  services: {
    'payment-service': {
      targetPort: 8080,
      workloads: { v1: {}, v2: {} },
      circuitBreaker: { maxConnections: 100, maxPendingRequests: 50, maxRequestsPerConnection: 2 },
      outlierDetection: { consecutiveErrors: 5, interval: '30s', baseEjectionTime: '30s' },
    },
  },
  routes: [
    {
      service: 'payment-service',
      match: { headers: { 'x-user-type': { exact: 'beta-tester' } } },
      to: { 'payment-service/v2': 100 },
    },
    { service: 'payment-service', to: { 'payment-service/v1': 90, 'payment-service/v2': 10 } },
  ],
})

describe('istio-payment-service.yaml as a document', () => {
  const shares = (headers: Record<string, string>) =>
    Object.fromEntries(
      explain(production, { service: 'payment-service', headers }).backends.map(({ workload, percent }) => [
        workload,
        percent,
      ]),
    )

  it('sends beta testers to v2 and everyone else 90/10', () => {
    expect(shares({ 'x-user-type': 'beta-tester' })).toEqual({ 'payment-service/v2': 100 })
    expect(shares({})).toEqual({ 'payment-service/v1': 90, 'payment-service/v2': 10 })
    expect(shares({ 'x-user-type': 'tester' })).toEqual({
      'payment-service/v1': 90,
      'payment-service/v2': 10,
    })
  })

  it('limits connections to 100/50/2 and ejects for 30 s after 5 errors', () => {
    const { clusters, inbound } = compileSnapshot(resolve(production), 'payment-service/v1', {
      addresses: new Map(),
    })
    for (const limits of [clusters['payment-service/v2']?.circuitBreaker, inbound[0]?.circuitBreaker])
      expect(limits).toMatchObject({
        maxConnections: 100,
        maxPendingRequests: 50,
        maxRequestsPerConnection: 2,
      })
    expect(clusters['payment-service/v2']?.outlierDetection).toMatchObject({
      consecutiveErrors: 5,
      intervalMs: 30_000,
      baseEjectionTimeMs: 30_000,
    })
  })
})
