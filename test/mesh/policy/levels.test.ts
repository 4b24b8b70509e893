import { describe, expect, it } from 'vitest'
import { resolveCircuitBreaker } from '../../../mesh/policy/circuit-breaker.ts'
import { resolveHealthCheck } from '../../../mesh/policy/health-check.ts'
import { resolveLoadBalancer } from '../../../mesh/policy/load-balancer.ts'
import { resolveOutlierDetection } from '../../../mesh/policy/outlier-detection.ts'
import { resolveRetry, resolveRetryBudget } from '../../../mesh/policy/retry.ts'
import { resolveTimeout } from '../../../mesh/policy/timeout.ts'
import { resolveTls } from '../../../mesh/policy/tls.ts'

describe('defaults', () => {
  it('retries what was never sent twice, and resets', () => {
    expect(resolveRetry([]).value).toEqual({
      attempts: 2,
      on: ['reset'],
      perTryTimeoutMs: 0,
      backoffBaseMs: 25,
      backoffMaxMs: 250,
      nonIdempotent: false,
      maxBodyBytes: 65_536,
    })
  })

  it('lets retries be 20 % of the first tries', () => {
    expect(resolveRetryBudget([]).value).toEqual({ percent: 20, minPerSecond: 3 })
  })

  it('waits 15 s for a response head, 5 min on idle streams, 1 h on idle TCP, 1 s for a connection', () => {
    expect(resolveTimeout([]).value).toEqual({
      requestMs: 15_000,
      idleMs: 300_000,
      tcpIdleMs: 3_600_000,
      connectMs: 1000,
    })
  })

  it('ejects after 5 gateway errors in a row, at most half', () => {
    expect(resolveOutlierDetection([]).value).toEqual({
      consecutiveErrors: 0,
      consecutiveGatewayErrors: 5,
      intervalMs: 10_000,
      baseEjectionTimeMs: 30_000,
      maxEjectionTimeMs: 300_000,
      maxEjectionPercent: 50,
    })
    expect(resolveOutlierDetection([]).off).toBe(false)
  })

  it('limits what runs at once as Envoy does', () => {
    expect(resolveCircuitBreaker([]).value).toEqual({
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 1024,
      maxRetries: 1024,
      maxRequestsPerConnection: 0,
    })
  })

  it('panics below half of the endpoints, checks no health actively, and is strict about mTLS', () => {
    expect(resolveLoadBalancer([]).value).toEqual({ panicThresholdPercent: 50 })
    expect(resolveHealthCheck([]).off).toBe(true)
    expect(resolveTls([]).value).toEqual({ mode: 'strict' })
  })

  it('checks health by GET / every 10 s when asked to without saying how', () => {
    const { off, value } = resolveHealthCheck([{ at: 'mesh', policy: {} }])
    expect(off).toBe(false)
    expect(value).toEqual({
      protocol: 'http',
      path: '/',
      intervalMs: 10_000,
      timeoutMs: 1000,
      healthyThreshold: 2,
      unhealthyThreshold: 3,
    })
  })
})

describe('levels', () => {
  it('takes each field from the nearest level that gives it', () => {
    const { value, origin } = resolveRetry([
      { at: 'mesh', policy: { attempts: 5, perTryTimeout: '1s', on: ['5xx'] } },
      { at: 'service a', policy: { perTryTimeout: '2s', backoff: { base: '10ms' } } },
      { at: 'route r', policy: { nonIdempotent: true, backoff: { max: '1s' } } },
    ])
    expect(value).toMatchObject({
      attempts: 5,
      on: ['5xx'],
      perTryTimeoutMs: 2000,
      backoffBaseMs: 10,
      backoffMaxMs: 1000,
      nonIdempotent: true,
      maxBodyBytes: 65_536,
    })
    expect(origin).toEqual({
      attempts: 'mesh',
      on: 'mesh',
      perTryTimeoutMs: 'service a',
      backoffBaseMs: 'service a',
      backoffMaxMs: 'route r',
      nonIdempotent: 'route r',
      maxBodyBytes: 'default',
    })
  })

  it('replaces a list by a list', () => {
    const { value } = resolveRetry([
      { at: 'mesh', policy: { on: ['5xx', 'reset'] } },
      { at: 'route r', policy: { on: [409] } },
    ])
    expect(value.on).toEqual([409])
  })

  it('switches off what a wider level set when a nearer one says false', () => {
    const levels = [
      { at: 'mesh', policy: { attempts: 5 } },
      { at: 'route r', policy: false as const },
    ]
    expect(resolveRetry(levels)).toMatchObject({ off: true, value: { attempts: 0 } })
    expect(resolveRetry(levels).origin.attempts).toBe('route r')
    expect(resolveTimeout(levels.map(({ at, policy }) => ({ at, policy: policy && {} }))).value).toEqual({
      requestMs: 0,
      idleMs: 0,
      tcpIdleMs: 0,
      connectMs: 0,
    })
  })

  it('starts from the defaults when a level nearer than false sets the policy again', () => {
    const { value, origin, off } = resolveRetry([
      { at: 'mesh', policy: { attempts: 5 } },
      { at: 'service a', policy: false },
      { at: 'route r', policy: { on: ['5xx'] } },
    ])
    expect(off).toBe(false)
    expect(value.attempts).toBe(2)
    expect(origin).toMatchObject({ attempts: 'default', on: 'route r' })
  })

  it.each([
    ['outlier detection', resolveOutlierDetection, { consecutiveErrors: 0, consecutiveGatewayErrors: 0 }],
    [
      'circuit breaker',
      resolveCircuitBreaker,
      { maxConnections: 4_294_967_295, maxRequestsPerConnection: 0 },
    ],
    ['load balancer', resolveLoadBalancer, { panicThresholdPercent: 0 }],
    ['tls', resolveTls, { mode: 'off' }],
  ] as const)('has a value that limits nothing for %s when it is off', (_name, resolvePolicy, expected) => {
    const resolved = resolvePolicy([{ at: 'mesh', policy: false }])
    expect(resolved.off).toBe(true)
    expect(resolved.value).toMatchObject(expected)
  })

  it('leaves the budget alone when a level switches retries off', () => {
    const { value } = resolveRetryBudget([
      { at: 'service a', policy: { budget: { percent: 5 } } },
      { at: 'routes[0]', policy: false },
    ])
    expect(value.percent).toBe(5)
  })

  it('switches single timeouts off by 0, false or 0s', () => {
    const { value } = resolveTimeout([{ at: 'mesh', policy: { request: 0, idle: false, connect: '0s' } }])
    expect(value).toEqual({ requestMs: 0, idleMs: 0, tcpIdleMs: 0, connectMs: 0 })
  })

  it('reads one idle timeout for streams and for TCP', () => {
    expect(resolveTimeout([{ at: 'mesh', policy: { idle: '10m' } }]).value).toMatchObject({
      idleMs: 600_000,
      tcpIdleMs: 600_000,
    })
  })

  it('reads the TLS mode alone and in an object', () => {
    expect(resolveTls([{ at: 'mesh', policy: 'permissive' }]).value.mode).toBe('permissive')
    expect(resolveTls([{ at: 'mesh', policy: { mode: 'off' } }]).value.mode).toBe('off')
  })

  it('lets the longest back-off be ten times the base unless it is given', () => {
    expect(resolveRetry([{ at: 'mesh', policy: { backoff: { base: '1s' } } }]).value.backoffMaxMs).toBe(
      10_000,
    )
    expect(resolveRetry([{ at: 'mesh', policy: { backoff: { max: '1s' } } }]).value.backoffMaxMs).toBe(1000)
  })

  it('lets the longest ejection be at least the base unless it is given', () => {
    const resolved = resolveOutlierDetection([{ at: 'mesh', policy: { baseEjectionTime: '10m' } }])
    expect(resolved.value.maxEjectionTimeMs).toBe(600_000)
  })
})
