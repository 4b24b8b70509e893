import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../../proxy/failure.ts'
import { CLUSTER, endpoint, INBOUND, ROUTE, snapshotOf } from '../snapshots.ts'
import type { Sent } from './fake-sidecar.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const LIMITS = {
  ...CLUSTER.circuitBreaker,
  maxRequests: 6,
  maxRetries: 2,
  maxConnections: 3,
  maxPendingRequests: 2,
}

const SNAPSHOT = snapshotOf({
  endpoints: [endpoint('a'), endpoint('b'), endpoint('c')],
  route: {
    retry: { ...ROUTE.retry, attempts: 2, on: ['5xx', 'reset'], perTryTimeoutMs: 400 },
    timeout: { ...ROUTE.timeout, requestMs: 1500, idleMs: 1000 },
  },
  cluster: {
    circuitBreaker: LIMITS,
    outlierDetection: {
      consecutiveErrors: 3,
      consecutiveGatewayErrors: 0,
      intervalMs: 1000,
      baseEjectionTimeMs: 700,
      maxEjectionTimeMs: 2000,
      maxEjectionPercent: 50,
    },
  },
  config: {
    inbound: [
      { ...INBOUND, circuitBreaker: LIMITS, timeout: { ...ROUTE.timeout, requestMs: 1500, idleMs: 1000 } },
    ],
  },
})

const STEPS = [
  'send',
  'receive',
  'respond',
  'respond badly',
  'respond slowly',
  'finish',
  'break',
  'hang up',
  'leave',
  'accept',
  'refuse',
  'wait',
] as const

describe('slots', () => {
  it('are all free again when every exchange is over, whatever happened in which order', async () => {
    const script = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.nat(1000)), { maxLength: 60, size: 'max' })
    await fc.assert(fc.asyncProperty(script, fc.nat(), play), { numRuns: 100 })
  })
})

async function play(script: [(typeof STEPS)[number], number][], seed: number): Promise<void> {
  const sidecar = await fakeSidecar(SNAPSHOT, seed)
  const { connector, clock, cluster, metrics, settled } = sidecar
  connector.immediate = false
  const sent: Sent[] = []
  const over = new Set<Sent>()
  const answers: number[] = []
  const answered = new Set<unknown>()
  const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length]
  const running = () => connector.calls.filter(({ ended }) => !ended)
  const connects = () => connector.connects.filter(connect => !answered.has(connect))
  const start = (one: Sent): void => {
    sent.push(one)
    // The codec delivers whatever comes, and ends the exchange then.
    void one.response.then(({ status, body }) => {
      answers.push(status)
      const done = (failure?: Failure): void => {
        over.add(one)
        one.request.end({ failure })
      }
      if (body.length === 0) done()
      else body.pipe({ write: () => true, end: () => done(), reset: done })
    })
  }
  const actions: Record<(typeof STEPS)[number], (at: number) => void> = {
    send: at => start(sidecar.send({ method: at % 3 === 0 ? 'POST' : 'GET' })),
    receive: () => start(sidecar.receive()),
    respond: at => pick(running(), at)?.respond(200),
    'respond badly': at => pick(running(), at)?.respond(503),
    'respond slowly': at => pick(running(), at)?.respond(at % 2 === 0 ? 200 : 500, {}, true),
    finish: at => pick(running(), at)?.finish(),
    break: at => pick(running(), at)?.break(),
    'hang up': at =>
      pick(
        connector.connections.filter(({ closed }) => !closed),
        at,
      )?.close(),
    leave(at) {
      const one = pick(
        sent.filter(each => !over.has(each)),
        at,
      )
      if (one === undefined) return
      over.add(one)
      one.request.abort(new Failure('downstream-gone', 'the client left'))
    },
    accept(at) {
      const connect = pick(connects(), at)
      answered.add(connect)
      connect?.accept()
    },
    refuse(at) {
      const connect = pick(connects(), at)
      answered.add(connect)
      connect?.refuse()
    },
    wait: at => void clock.advance(at),
  }
  for (const [step, at] of script) {
    actions[step](at)
    await settled()
    const { requests, retries } = cluster().breaker
    expect(requests.used).toBeLessThanOrEqual(LIMITS.maxRequests)
    expect(retries.used).toBeLessThanOrEqual(LIMITS.maxRetries)
  }
  await clock.advance(30_000)
  for (const connect of connects()) connect.refuse()
  await clock.advance(30_000)
  expect(answers).toHaveLength(sent.length)
  for (const status of answers) expect(status).toBeGreaterThanOrEqual(200)
  const { requests, retries, pending } = cluster().breaker
  expect([requests.used, retries.used, pending.used]).toEqual([0, 0, 0])
  expect([...cluster().all].map(({ active }) => active)).toEqual([0, 0, 0])
  expect(metrics.expose()).toContain('selvage_requests_active{direction="outbound"} 0')
  expect(metrics.expose()).toContain('selvage_requests_active{direction="inbound"} 0')
}
