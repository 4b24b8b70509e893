import { describe, expect, it } from 'vitest'
import type { Timeout } from '../../../mesh/policy/timeout.ts'
import { Failure } from '../../../proxy/failure.ts'
import { ROUTE, snapshotOf } from '../snapshots.ts'
import type { RequestParts } from './fake-request.ts'
import { fakeSidecar } from './fake-sidecar.ts'

async function waiting(policy: Partial<Timeout>, parts: RequestParts = {}) {
  const timeout = { ...ROUTE.timeout, ...policy }
  const sidecar = await fakeSidecar(
    snapshotOf({ route: { timeout, retry: { ...ROUTE.retry, attempts: 1, on: ['5xx'] } } }),
  )
  const sent = sidecar.send(parts)
  await sidecar.settled()
  const status = async () => (await sent.response).status
  return { ...sidecar, ...sent, status, call: () => sidecar.connector.call }
}

describe('timeout to the response head', () => {
  it('answers 504 when it is over, and cancels what runs', async () => {
    const { clock, status, exchange, call } = await waiting({ requestMs: 1000 })
    await clock.advance(999)
    expect(call().ended).toBe(false)
    await clock.advance(1)
    expect(await status()).toBe(504)
    expect(exchange.record).toMatchObject({ flag: 'UT', reason: 'no response within 1000 ms' })
    expect(call().connection.closed).toBe(true)
  })

  it('counts over all tries', async () => {
    const { clock, status, exchange, connector, call } = await waiting({ requestMs: 1000 })
    await clock.advance(900)
    call().respond(503)
    await clock.advance(100)
    expect(connector.calls).toHaveLength(2)
    expect(await status()).toBe(504)
    expect(exchange.record.attempts).toBe(2)
  })

  it('ends a wait between two tries', async () => {
    const timeout = { ...ROUTE.timeout, requestMs: 1000 }
    const retry = { ...ROUTE.retry, on: ['5xx' as const], backoffBaseMs: 60_000, backoffMaxMs: 60_000 }
    const { send, connector, clock } = await fakeSidecar(snapshotOf({ route: { timeout, retry } }))
    connector.serve = call => call.respond(503)
    const { response } = send()
    await clock.advance(1000)
    expect((await response).status).toBe(504)
    await clock.advance(60_000)
    expect(connector.calls).toHaveLength(1)
  })

  it('lets a slow body come after the head', async () => {
    const { clock, status, request, call } = await waiting({ requestMs: 1000, idleMs: 5000 })
    call().respond(200, {}, true)
    expect(await status()).toBe(200)
    for (let i = 0; i < 10; i++) {
      await clock.advance(4000)
      request.bytesMoved += 10
    }
    expect(call().ended).toBe(false)
  })

  it('counts from when the whole request was here', async () => {
    const { clock, status, request, call } = await waiting({ requestMs: 1000 })
    request.complete = false
    await clock.advance(5000)
    expect(call().ended).toBe(false)
    request.complete = true
    await clock.advance(2000)
    expect(await status()).toBe(504)
  })

  it.each([
    ['server-sent events', { accept: 'text/html, text/event-stream' }],
    ['gRPC', { 'content-type': 'application/grpc' }],
    ['an upgrade', { upgrade: 'websocket' }],
  ])('is none for %s', async (_, headers: Record<string, string>) => {
    const { clock, call, exchange } = await waiting({ requestMs: 1000, idleMs: 60_000 }, { headers })
    await clock.advance(59_000)
    expect(call().ended).toBe(false)
    await clock.advance(1000)
    expect(call().ended).toBe(true)
    expect(exchange.record.flag).toBe('SI')
  })

  it('is none when the policy says 0', async () => {
    const { clock, call } = await waiting({ requestMs: 0, idleMs: 0 })
    await clock.advance(3_600_000)
    expect(call().ended).toBe(false)
    expect(clock.pending).toBe(0)
  })

  it('leaves no timer behind when the exchange ends', async () => {
    const { clock, call, request } = await waiting({})
    call().respond(200)
    await clock.advance(0)
    const before = clock.pending
    request.end()
    expect(clock.pending).toBe(before - 1)
  })
})

describe('idle timeout', () => {
  it('breaks a response body that stands still', async () => {
    const { clock, status, call, exchange, request } = await waiting({ requestMs: 15_000, idleMs: 1000 })
    await clock.advance(500)
    call().respond(200, {}, true)
    expect(await status()).toBe(200)
    await clock.advance(999)
    expect(call().ended).toBe(false)
    await clock.advance(1001)
    expect(call().ended).toBe(true)
    request.end({ failure: exchange.stopped })
    expect(exchange.record).toMatchObject({ status: 200, flag: 'SI' })
  })

  it('never breaks what has moved within it', async () => {
    const { clock, call, request } = await waiting({ requestMs: 15_000, idleMs: 1000 })
    call().respond(200, {}, true)
    for (let i = 0; i < 40; i++) {
      await clock.advance(990)
      expect(call().ended).toBe(false)
      request.bytesMoved++
    }
  })

  it('does not count the wait for the head', async () => {
    const { clock, status, call } = await waiting({ requestMs: 10_000, idleMs: 1000 })
    await clock.advance(9000)
    call().respond(200, {}, true)
    expect(await status()).toBe(200)
    await clock.advance(990)
    expect(call().ended).toBe(false)
  })

  it('is the only one where there is no request timeout', async () => {
    const { clock, status } = await waiting({ requestMs: 0, idleMs: 1000 })
    await clock.advance(1000)
    expect(await status()).toBe(504)
  })
})

describe('timeout, inbound', () => {
  it('is that of the port', async () => {
    const { receive, clock, settled } = await fakeSidecar()
    const { response } = receive()
    await settled()
    await clock.advance(15_000)
    expect((await response).status).toBe(504)
  })

  it('does not tell the peer that the request never reached the app', async () => {
    const { receive, clock } = await fakeSidecar()
    const { response } = receive()
    await clock.advance(15_000)
    expect((await response).headers.has('x-selvage-not-processed')).toBe(false)
  })
})

describe('a client that leaves', () => {
  it('cancels the attempt and frees the timer', async () => {
    const { clock, call, request, exchange } = await waiting({})
    request.abort(new Failure('downstream-gone', 'the client left'))
    expect(call().ended).toBe(true)
    expect(exchange.record.flag).toBe('DC')
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })
})
