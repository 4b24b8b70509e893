import { describe, expect, it } from 'vitest'
import type { Retry, RetryCondition } from '../../../mesh/policy/retry.ts'
import { bytesBody } from '../../../proxy/body.ts'
import { FAILURES, Failure, type FailureCode } from '../../../proxy/failure.ts'
import { backoffMs, retryClassOf } from '../../../proxy/filter/retry.ts'
import { scriptedRandom } from '../../../testing/random.ts'
import { CLUSTER, endpoint, ROUTE, snapshotOf } from '../snapshots.ts'
import type { FakeCall } from '../upstream/fake-connector.ts'
import { respond, textOf } from './fake-request.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const policy = (more: Partial<Retry> = {}): Retry => ({ ...ROUTE.retry, ...more })
const failure = (code: FailureCode): Failure => new Failure(code, 'did not work')

const ENDPOINTS = ['a', 'b', 'c', 'd'].map(id => endpoint(id))
const retrying = (more: Partial<Retry> = {}, parts: Parameters<typeof snapshotOf>[0] = {}, seed = 1) =>
  fakeSidecar(snapshotOf({ route: { retry: policy(more) }, endpoints: ENDPOINTS, ...parts }), seed)

const addressOf = (call: FakeCall): string => call.connection.destination.address
const series = (text: string, name: string): string[] =>
  text.split('\n').filter(line => line.startsWith(`${name}{`))

describe('retryClassOf', () => {
  const UNSENT = Object.entries(FAILURES)
    .filter(([, row]) => row.safety === 'unsent')
    .map(([code]) => code)
  const FINAL = Object.entries(FAILURES)
    .filter(([, row]) => row.safety === 'no')
    .map(([code]) => code)

  it.each(UNSENT)('calls %s unsent whatever the method and the conditions', code => {
    for (const method of ['GET', 'POST', 'PATCH', 'PURGE']) {
      expect(retryClassOf(failure(code as FailureCode), method, policy({ on: [] }))).toBe('unsent')
    }
  })

  it.each(FINAL)('never retries %s', code => {
    const everything: RetryCondition[] = [
      '5xx',
      'gateway-error',
      'reset',
      'connect-failure',
      'retriable-4xx',
      503,
    ]
    expect(
      retryClassOf(failure(code as FailureCode), 'GET', policy({ on: everything, nonIdempotent: true })),
    ).toBeUndefined()
  })

  const unanswered = [
    ['upstream-reset', 'reset', true],
    ['upstream-reset', '5xx', true],
    ['upstream-reset', 'gateway-error', true],
    ['upstream-reset', 503, true],
    ['upstream-reset', 502, false],
    ['upstream-reset', 'connect-failure', false],
    ['upstream-reset', 'retriable-4xx', false],
    ['upstream-protocol', 'reset', true],
    ['upstream-protocol', 502, true],
    ['per-try-timeout', 'reset', false],
    ['per-try-timeout', '5xx', true],
    ['per-try-timeout', 'gateway-error', true],
    ['per-try-timeout', 504, true],
  ] as const
  it.each(unanswered)('%s with on: [%s]: %s for idempotent methods', (code, condition, retried) => {
    const on = [condition]
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
      expect(retryClassOf(failure(code), method, policy({ on }))).toBe(retried ? 'unanswered' : undefined)
    }
    for (const method of ['POST', 'PATCH', 'CONNECT', 'get', 'UNKNOWN']) {
      expect(retryClassOf(failure(code), method, policy({ on }))).toBeUndefined()
    }
    expect(retryClassOf(failure(code), 'POST', policy({ on, nonIdempotent: true }))).toBe(
      retried ? 'unanswered' : undefined,
    )
  })

  const answered = [
    [500, '5xx', true],
    [599, '5xx', true],
    [499, '5xx', false],
    [500, 'gateway-error', false],
    [502, 'gateway-error', true],
    [504, 'gateway-error', true],
    [505, 'gateway-error', false],
    [409, 'retriable-4xx', true],
    [404, 'retriable-4xx', false],
    [429, 429, true],
    [428, 429, false],
    [503, 'reset', false],
    [503, 'connect-failure', false],
    [200, '5xx', false],
  ] as const
  it.each(answered)('an answer %s with on: [%s]: %s', (status, condition, retried) => {
    const on = [condition]
    expect(retryClassOf(respond(status), 'GET', policy({ on }))).toBe(retried ? 'answered' : undefined)
    expect(retryClassOf(respond(status), 'POST', policy({ on }))).toBeUndefined()
    expect(retryClassOf(respond(status), 'POST', policy({ on, nonIdempotent: true }))).toBe(
      retried ? 'answered' : undefined,
    )
  })
})

describe('backoffMs', () => {
  it('grows from base to max, anywhere below that by the dice', () => {
    const fair = policy({ backoffBaseMs: 25, backoffMaxMs: 250 })
    const longest = scriptedRandom(1)
    expect([0, 1, 2, 3, 4].map(n => backoffMs(fair, n, longest))).toEqual([25, 50, 100, 200, 250])
    expect(backoffMs(fair, 2, scriptedRandom(0.5))).toBe(50)
    expect(backoffMs(fair, 2, scriptedRandom(0))).toBe(0)
  })
})

describe('retry', () => {
  it('tries an unsent POST at another endpoint at once', async () => {
    const { send, connector, clock } = await retrying()
    connector.serve = call => call.respond(201)
    for (const { address } of ENDPOINTS.slice(0, 1)) connector.down.add(`${address}:15006`)
    for (let i = 0; i < 20; i++) expect((await send({ method: 'POST' }).response).status).toBe(201)
    expect(clock.monotonic()).toBe(0)
  })

  it('tries the endpoints that it has not tried yet', async () => {
    const { send, connector, clock } = await retrying({ attempts: 3 })
    for (const { address } of ENDPOINTS) connector.down.add(`${address}:15006`)
    const { response } = send()
    await clock.advance(1000)
    expect((await response).status).toBe(503)
    const tried = connector.connects.map(({ destination }) => destination.address)
    expect(tried).toHaveLength(4)
    expect(new Set(tried).size).toBe(4)
  })

  it('answers with the last failure and flag URX when all tries are used up', async () => {
    const { send, connector, clock } = await retrying({ attempts: 1 })
    for (const { address } of ENDPOINTS) connector.down.add(`${address}:15006`)
    const { response, exchange } = send()
    await clock.advance(1000)
    expect((await response).headers.get('x-selvage-reason')).toBe('UF connection refused')
    expect(exchange.record).toMatchObject({ flag: 'URX', attempts: 2 })
  })

  it('backs off before the second retry of an unsent request, and before the first of any other', async () => {
    const { send, connector, clock, settled } = await retrying({ backoffBaseMs: 1000, backoffMaxMs: 1000 })
    connector.serve = call => call.break()
    send()
    await settled()
    expect(connector.calls).toHaveLength(1)
    await clock.advance(1000)
    expect(connector.calls).toHaveLength(2)
  })

  it('does not retry where the policy says 0 attempts', async () => {
    const { send, connector } = await retrying({ attempts: 0 })
    connector.serve = call => call.break()
    const { response, exchange } = send()
    expect((await response).status).toBe(503)
    expect(exchange.record).toMatchObject({ flag: 'UC', attempts: 1 })
  })

  it('passes a bad answer on after the last try, with its own status', async () => {
    const { send, connector, clock, metrics } = await retrying({ attempts: 2, on: ['5xx'] })
    connector.serve = call => call.respond(500)
    const { response, exchange } = send()
    await clock.advance(1000)
    expect((await response).status).toBe(500)
    expect(exchange.record).toMatchObject({ status: 500, flag: 'URX', attempts: 3 })
    expect(series(metrics.expose(), 'selvage_retries_total')).toEqual([
      'selvage_retries_total{class="answered",service="payments",workload="payments"} 2',
    ])
  })

  it('gives a good answer after a bad one, and throws the bad one away', async () => {
    const { send, connector, clock, settled } = await retrying({ on: [503] })
    const { response, exchange } = send()
    await settled()
    const bad = connector.call
    bad.respond(503, {}, true)
    await clock.advance(1000)
    bad.finish()
    expect(bad.connection.capacity).toBe(1)
    connector.call.respond(200)
    expect((await response).status).toBe(200)
    expect(exchange.record.flag).toBe('-')
  })

  it('cancels a bad answer whose request was not read to the end', async () => {
    const { send, connector, clock, settled } = await retrying({ on: [503] })
    const { request } = send({ method: 'PUT', body: bytesBody(Buffer.from('x')) })
    request.complete = false
    await settled()
    const bad = connector.call
    bad.respond(503, {}, true)
    await clock.advance(1000)
    expect(bad.connection.closed).toBe(true)
    expect(connector.calls).toHaveLength(2)
  })

  it('never retries once the response has begun', async () => {
    const { send, connector, clock, settled } = await retrying({ on: ['5xx', 'reset'] })
    const { response } = send()
    await settled()
    connector.call.respond(200, {}, true)
    await response
    connector.call.break()
    await clock.advance(10_000)
    expect(connector.calls).toHaveLength(1)
  })

  it('does not ask again where a peer refused by policy', async () => {
    const { send, connector, clock } = await retrying({ on: ['5xx', 403, 429] })
    const answers = [
      [503, 'UO too much at once'],
      [403, 'UAEX no access rule'],
      [429, 'RL too fast'],
    ] as const
    for (const [status, reason] of answers) {
      connector.serve = call => call.respond(status, { 'x-selvage-reason': reason })
      const { response, exchange } = send()
      await clock.advance(1000)
      expect((await response).status).toBe(status)
      expect(exchange.record.attempts).toBe(1)
    }
  })

  it('stops waiting, and frees what it holds, when the client leaves', async () => {
    const { send, connector, clock, cluster, settled } = await retrying({
      backoffBaseMs: 1000,
      backoffMaxMs: 1000,
    })
    connector.serve = call => call.break()
    const { request, response } = send()
    await settled()
    expect(cluster().breaker.retries.used).toBe(1)
    request.abort(new Failure('downstream-gone', 'the client left'))
    await response
    await clock.advance(10_000)
    expect(connector.calls).toHaveLength(1)
    expect(cluster().breaker.retries.used).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('does not retry for a client that left during the try', async () => {
    const { send, connector, clock, settled } = await retrying({ on: ['reset'] })
    const { request } = send()
    await settled()
    request.abort(new Failure('downstream-gone', 'the client left'))
    await clock.advance(10_000)
    expect(connector.calls).toHaveLength(1)
    expect(connector.call.connection.closed).toBe(true)
  })

  it('runs no more retries at once than maxRetries', async () => {
    const breaker = { ...CLUSTER.circuitBreaker, maxRetries: 1 }
    const { send, connector, clock, cluster, settled } = await retrying(
      { attempts: 1 },
      { cluster: { circuitBreaker: breaker } },
    )
    connector.serve = call => {
      if (connector.calls.length <= 2) call.break()
    }
    send()
    const second = send()
    await clock.advance(1000)
    expect(connector.calls).toHaveLength(3)
    expect(second.exchange.record).toMatchObject({ flag: 'URX', status: 503 })
    connector.call.respond(200)
    await settled()
    expect(cluster().breaker.retries.used).toBe(0)
  })
})

describe('retry budget', () => {
  const scarce = { service: { retryBudget: { percent: 20, minPerSecond: 0 } } }
  const build = (on: readonly RetryCondition[], seed = 1) =>
    fakeSidecar(
      snapshotOf({
        route: { retry: policy({ on, attempts: 1 }) },
        service: { ...scarce.service, fallback: { ...ROUTE, retry: policy({ on, attempts: 1 }) } },
        endpoints: ENDPOINTS,
      }),
      seed,
    )

  it('lets one in five be retried, and counts what it forbade', async () => {
    const { send, connector, clock, metrics } = await build(['5xx'])
    connector.serve = call => call.respond(503)
    const sent = Array.from({ length: 50 }, () => send())
    await clock.advance(1000)
    await Promise.all(sent.map(({ response }) => response))
    expect(connector.calls).toHaveLength(60)
    expect(series(metrics.expose(), 'selvage_retry_budget_exhausted_total')).toEqual([
      'selvage_retry_budget_exhausted_total{service="payments",workload="payments"} 40',
    ])
  })

  it('is not spent by unsent requests', async () => {
    const { send, connector, cluster, clusters } = await build([])
    connector.serve = call => call.respond(200)
    connector.down.add('10.0.0.1:15006')
    for (let i = 0; i < 100; i++) expect((await send().response).status).toBe(200)
    expect(cluster().breaker.retries.used).toBe(0)
    let left = 0
    while (clusters.retryBudget('payments')!.spend(0)) left++
    expect(left).toBe(20)
  })
})

describe('per-try timeout', () => {
  it('cancels the try and tries elsewhere', async () => {
    const { send, connector, clock } = await retrying({ perTryTimeoutMs: 250, on: ['5xx'] })
    const { response } = send()
    await clock.advance(249)
    expect(connector.calls).toHaveLength(1)
    await clock.advance(26)
    const [first, second] = connector.calls
    expect(first!.connection.closed).toBe(true)
    expect(addressOf(second!)).not.toBe(addressOf(first!))
    second!.respond(200)
    expect((await response).status).toBe(200)
  })

  it('covers the wait for a connection, too', async () => {
    const { send, connector, clock } = await retrying({ perTryTimeoutMs: 250, on: ['5xx'], attempts: 1 })
    connector.immediate = false
    const { response, exchange } = send()
    await clock.advance(1000)
    expect((await response).status).toBe(504)
    expect(exchange.record).toMatchObject({ attempts: 2, reason: 'no response to this try within 250 ms' })
  })

  it('ends with the response head', async () => {
    const { send, connector, clock, settled } = await retrying({ perTryTimeoutMs: 250 })
    const { response, request } = send()
    await settled()
    connector.call.respond(200, {}, true)
    await response
    await clock.advance(10_000)
    expect(connector.call.ended).toBe(false)
    connector.call.finish()
    request.end()
    expect(clock.pending).toBe(1)
  })
})

describe('retry and request bodies', () => {
  const put = (text: string) => ({ method: 'PUT', body: bytesBody(Buffer.from(text)) })

  it('sends the whole body again', async () => {
    const { send, connector, clock } = await retrying()
    const bodies: string[] = []
    connector.serve = call => {
      void textOf(call.request.body).then(text => {
        bodies.push(text)
        if (bodies.length === 1) call.break()
        else call.respond(200)
      })
    }
    const { response } = send(put('charge 5'))
    await clock.advance(1000)
    expect((await response).status).toBe(200)
    expect(bodies).toEqual(['charge 5', 'charge 5'])
  })

  it('sends a body beyond maxBodyBytes once', async () => {
    const { send, connector, clock } = await retrying({ maxBodyBytes: 4 })
    connector.serve = call => {
      void textOf(call.request.body).then(() => call.break())
    }
    const { response, exchange } = send(put('charge 5'))
    await clock.advance(1000)
    expect((await response).status).toBe(503)
    expect(exchange.record).toMatchObject({ attempts: 1, flag: 'UC' })
  })

  it('tries a large body elsewhere while nothing of it was read', async () => {
    const { send, connector, clock } = await retrying({ maxBodyBytes: 4, attempts: 3 })
    for (const { address } of ENDPOINTS.slice(1)) connector.down.add(`${address}:15006`)
    connector.serve = call => {
      void textOf(call.request.body).then(text => call.respond(200, { 'x-length': String(text.length) }))
    }
    for (let i = 0; i < 10; i++) {
      const { response } = send({ method: 'POST', body: bytesBody(Buffer.alloc(100)) })
      await clock.advance(1000)
      expect((await response).headers.get('x-length')).toBe('100')
    }
  })
})
