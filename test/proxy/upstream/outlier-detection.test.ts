import { describe, expect, it } from 'vitest'
import type { OutlierDetection } from '../../../mesh/policy/outlier-detection.ts'
import { Failure } from '../../../proxy/failure.ts'
import { Endpoint } from '../../../proxy/upstream/endpoint.ts'
import { OutlierDetector, verdictOf } from '../../../proxy/upstream/outlier-detection.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { endpoint } from '../snapshots.ts'

const POLICY: OutlierDetection = {
  consecutiveErrors: 3,
  consecutiveGatewayErrors: 2,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeMs: 70_000,
  maxEjectionPercent: 50,
}

function watch(policy: Partial<OutlierDetection> = {}, count = 4) {
  const clock = new ManualClock()
  const events: string[] = []
  const home = { workload: 'payments', destination: () => never(), newPool: () => never() }
  const endpoints = Array.from(
    { length: count },
    (_, i) => new Endpoint(home, endpoint(String.fromCharCode(97 + i))),
  )
  const detector = new OutlierDetector({
    clock,
    policy: { ...POLICY, ...policy },
    population: () => count,
    onEvent: ({ kind, endpoint: { id }, forMs }) => events.push(`${kind} ${id} ${forMs}`),
  })
  const eject = (one: Endpoint): void => {
    for (let i = 0; i < 2; i++) detector.observe(one, 'gateway-error')
  }
  return { clock, events, endpoints, detector, eject, a: endpoints[0]!, b: endpoints[1]!, c: endpoints[2]! }
}

const never = (): never => {
  throw new Error('not used here')
}

describe('OutlierDetector', () => {
  it('ejects after so many gateway errors in a row', () => {
    const { detector, events, a } = watch()
    detector.observe(a, 'gateway-error')
    expect(detector.isEjected(a)).toBe(false)
    detector.observe(a, 'gateway-error')
    expect(detector.isEjected(a)).toBe(true)
    expect(events).toEqual(['ejected a 30000'])
  })

  it('counts other 5xx for consecutiveErrors only', () => {
    const { detector, a } = watch()
    detector.observe(a, 'gateway-error')
    detector.observe(a, 'error')
    expect(detector.isEjected(a)).toBe(false)
    detector.observe(a, 'error')
    expect(detector.isEjected(a)).toBe(true)
  })

  it('starts counting anew after a success, and does not count what says nothing', () => {
    const { detector, a } = watch()
    detector.observe(a, 'gateway-error')
    detector.observe(a, 'silent')
    detector.observe(a, 'well')
    detector.observe(a, 'gateway-error')
    expect(detector.isEjected(a)).toBe(false)
  })

  it('never ejects on a count that is switched off', () => {
    const { detector, a } = watch({ consecutiveErrors: 0, consecutiveGatewayErrors: 0 })
    for (let i = 0; i < 50; i++) detector.observe(a, 'gateway-error')
    expect(detector.isEjected(a)).toBe(false)
  })

  it('gives an endpoint back when its own time ends', async () => {
    const { detector, clock, events, a, eject } = watch()
    await clock.advance(9_999)
    eject(a)
    await clock.advance(29_999)
    expect(detector.isEjected(a)).toBe(true)
    await clock.advance(1)
    expect(detector.isEjected(a)).toBe(false)
    expect(events).toEqual(['ejected a 30000', 'returned a 0'])
  })

  it('ejects for longer each time in a row, up to the maximum', async () => {
    const { clock, events, a, eject } = watch()
    for (const forMs of [30_000, 60_000, 70_000]) {
      eject(a)
      await clock.advance(forMs)
    }
    expect(events.filter(event => event.startsWith('ejected'))).toEqual([
      'ejected a 30000',
      'ejected a 60000',
      'ejected a 70000',
    ])
  })

  it('shortens the next ejection for every quiet interval', async () => {
    const { clock, events, a, eject } = watch()
    eject(a)
    await clock.advance(30_000)
    eject(a)
    await clock.advance(60_000 + 10_000)
    eject(a)
    expect(events.at(-1)).toBe('ejected a 60000')
    await clock.advance(60_000 + 20_000)
    eject(a)
    expect(events.at(-1)).toBe('ejected a 30000')
  })

  it('does not judge again what was sent before the ejection', async () => {
    const { detector, clock, events, a, eject } = watch()
    eject(a)
    detector.observe(a, 'gateway-error')
    detector.observe(a, 'gateway-error')
    await clock.advance(30_000)
    expect(detector.isEjected(a)).toBe(false)
    expect(events.filter(event => event.startsWith('ejected'))).toHaveLength(1)
  })

  it('always allows the first ejection, and no more than the maximum share after it', () => {
    const { detector, eject, a, b, c } = watch({ maxEjectionPercent: 50 })
    eject(a)
    eject(b)
    eject(c)
    expect([a, b, c].map(one => detector.isEjected(one))).toEqual([true, true, false])
    const strict = watch({ maxEjectionPercent: 0 })
    strict.eject(strict.a)
    strict.eject(strict.b)
    expect(strict.detector.ejectedCount).toBe(1)
  })

  it('makes room again when an ejected endpoint leaves', () => {
    const { detector, clock, eject, a, b } = watch({ maxEjectionPercent: 0 })
    eject(a)
    detector.forget(a)
    expect(clock.pending).toBe(0)
    eject(b)
    expect(detector.isEjected(b)).toBe(true)
  })

  it('keeps ejections and counts when its thresholds change', () => {
    const { detector, eject, a, b } = watch()
    eject(a)
    detector.observe(b, 'gateway-error')
    detector.update({ ...POLICY, consecutiveGatewayErrors: 5 })
    expect(detector.isEjected(a)).toBe(true)
    for (let i = 0; i < 3; i++) detector.observe(b, 'gateway-error')
    // Four in a row: the three of `consecutiveErrors` are passed.
    expect(detector.isEjected(b)).toBe(true)
  })
})

describe('verdictOf', () => {
  const reset = new Failure('upstream-reset', 'broke')
  it.each([
    ['a response below 500', 404, undefined, undefined, 'well'],
    ['a 500', 500, undefined, undefined, 'error'],
    ['a 501', 501, undefined, undefined, 'error'],
    ['a 503 of the app', 503, undefined, undefined, 'gateway-error'],
    ['a reset before the response', 0, undefined, reset, 'gateway-error'],
    ['a reset in the middle of a response', 200, undefined, reset, 'gateway-error'],
    ['a connect failure', 0, undefined, new Failure('connect-failure', ''), 'gateway-error'],
    ['a per-try timeout', 0, undefined, new Failure('per-try-timeout', ''), 'gateway-error'],
    ['a client that left before the response', 0, undefined, new Failure('downstream-gone', ''), 'silent'],
    ['a client that left during a good response', 200, undefined, new Failure('downstream-gone', ''), 'well'],
    ['an overflow of our own', 0, undefined, new Failure('overflow', ''), 'silent'],
    ['a refusal by rule of the peer', 403, 'UAEX', undefined, 'silent'],
    ['an overflow at the peer', 503, 'UO', undefined, 'silent'],
    ['a rate limit of the peer', 429, 'RL', undefined, 'silent'],
    ['a peer that drains', 503, 'LR', new Failure('draining', ''), 'silent'],
    ['a peer whose app refused', 503, 'UF', new Failure('not-processed', ''), 'gateway-error'],
    ['a peer whose app timed out', 504, 'UT', undefined, 'gateway-error'],
  ] as const)('%s', (_, status, peerFlag, failure, verdict) => {
    expect(verdictOf(status, peerFlag, failure)).toBe(verdict)
  })
})
