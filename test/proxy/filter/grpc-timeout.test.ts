import { describe, expect, it } from 'vitest'
import { grpcTimeoutMs } from '../../../proxy/filter/grpc-timeout.ts'
import { ROUTE, snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

describe('grpcTimeoutMs', () => {
  it.each([
    ['5S', 5000],
    ['2M', 120_000],
    ['1H', 3_600_000],
    ['250m', 250],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
  ])('reads %s', (text, ms) => expect(grpcTimeoutMs(text)).toBeCloseTo(ms, 6))

  it.each([undefined, '', '5', 'S', '5s', '-5S', '5.0S', '123456789m'])('reads nothing in %s', text =>
    expect(grpcTimeoutMs(text)).toBeUndefined(),
  )
})

const GRPC = { 'content-type': 'application/grpc', 'grpc-timeout': '1S' }

describe('grpc-timeout', () => {
  it('ends the call with DEADLINE_EXCEEDED when it has passed, and cancels what runs', async () => {
    const sidecar = await fakeSidecar(snapshotOf({ route: { retry: { ...ROUTE.retry, attempts: 0 } } }))
    const { response } = sidecar.send({ method: 'POST', headers: GRPC })
    await sidecar.settled()
    await sidecar.clock.advance(999)
    expect(sidecar.connector.call.ended).toBe(false)
    await sidecar.clock.advance(1)
    expect((await response).headers.get('grpc-status')).toBe('4')
    expect(sidecar.connector.call.ended).toBe(true)
  })

  it('is what is left of it for a second try', async () => {
    const retry = { ...ROUTE.retry, on: ['5xx' as const], nonIdempotent: true, attempts: 1 }
    const sidecar = await fakeSidecar(snapshotOf({ route: { retry: { ...retry, backoffBaseMs: 0 } } }))
    sidecar.send({ method: 'POST', headers: GRPC })
    await sidecar.settled()
    expect(sidecar.connector.call.request.edits?.get('grpc-timeout')).toBeUndefined()
    await sidecar.clock.advance(400)
    sidecar.connector.call.respond(503)
    await sidecar.clock.advance(0)
    await sidecar.settled()
    expect(sidecar.connector.calls).toHaveLength(2)
    expect(sidecar.connector.call.request.edits?.get('grpc-timeout')).toBe('600m')
  })
})
