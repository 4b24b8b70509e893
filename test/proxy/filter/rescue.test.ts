import { describe, expect, it } from 'vitest'
import { type Arrival, type Exchange, stack } from '../../../proxy/exchange.ts'
import { FAILURES, Failure, type FailureCode } from '../../../proxy/failure.ts'
import { rescue } from '../../../proxy/filter/rescue.ts'
import type { Response } from '../../../proxy/message.ts'
import type { LogFields } from '../../../proxy/telemetry/log.ts'
import { silentLog } from '../../../proxy/telemetry/log.ts'
import { ManualClock } from '../../../testing/clock.ts'
import {
  exchangeOf,
  FROM_PEER,
  fieldOf,
  OUTBOUND,
  type RequestParts,
  respond,
  textOf,
} from './fake-request.ts'

/** What comes out when the filters below do this. */
async function rescued(
  below: (exchange: Exchange) => Promise<Response>,
  arrival: Arrival = OUTBOUND,
  parts: RequestParts = {},
) {
  const errors: LogFields[] = []
  const log = { ...silentLog, error: (fields: LogFields) => void errors.push(fields) }
  const { exchange } = exchangeOf(new ManualClock(), parts, arrival)
  const response = await stack([rescue({ log })], below)(exchange)
  return { response, exchange, errors }
}

const failing =
  (code: FailureCode, reason = 'it did not work') =>
  () =>
    Promise.reject(new Failure(code, reason))

describe('rescue', () => {
  it.each(Object.keys(FAILURES) as FailureCode[])('answers %s as the table says', async code => {
    const { response, exchange } = await rescued(failing(code))
    const { status, flag } = FAILURES[code]
    expect(response.status).toBe(status)
    expect(response.headers.get('x-selvage-reason')).toBe(`${flag} it did not work`)
    expect(exchange.record).toMatchObject({ status, flag, reason: 'it did not work' })
    expect(await textOf(response.body)).toBe('it did not work\n')
  })

  it('answers a failure that was thrown before there was a promise', async () => {
    const { response } = await rescued(() => {
      throw new Failure('no-route', 'nothing matches')
    })
    expect(response.status).toBe(404)
  })

  it('keeps the flag that retry has set', async () => {
    const { exchange } = await rescued(each => {
      each.record.flag = 'URX'
      return Promise.reject(new Failure('connect-failure', 'refused'))
    })
    expect(exchange.record.flag).toBe('URX')
  })

  it('answers anything else with 500, logs it, and tells nobody', async () => {
    const { response, errors } = await rescued(() => Promise.reject(new TypeError('secret is undefined')))
    expect(response.status).toBe(500)
    expect(await textOf(response.body)).not.toContain('secret')
    expect(response.headers.get('x-selvage-reason')).toBe('LR the sidecar failed; its log says more')
    expect(errors).toHaveLength(1)
    expect(String(errors[0]!.error)).toContain('secret is undefined')
  })

  it('passes a good response on and notes its status', async () => {
    const { response, exchange } = await rescued(async () => respond(204))
    expect(response.status).toBe(204)
    expect(exchange.record).toMatchObject({ status: 204, flag: '-' })
  })

  it('makes a header value of any reason', async () => {
    const { response } = await rescued(failing('internal', 'line\r\nx-evil: 1 ü'))
    expect(response.headers.get('x-selvage-reason')).toBe('LR line?x-evil: 1 ?')
  })

  it('says how to prove who one is with a 401', async () => {
    const { response } = await rescued(failing('identity-missing'))
    expect(response.headers.get('www-authenticate')).toBe('mutual-tls')
  })
})

describe('rescue for gRPC', () => {
  const grpc = { headers: { 'content-type': 'application/grpc+proto' } }

  it('answers trailers-only with the gRPC status of the table', async () => {
    const { response, exchange } = await rescued(failing('access-denied', 'not ü 100%'), OUTBOUND, grpc)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/grpc')
    expect(response.headers.get('grpc-status')).toBe('7')
    expect(response.headers.get('grpc-message')).toBe('not %C3%BC 100%25')
    expect(response.body.length).toBe(0)
    expect(exchange.record).toMatchObject({ status: 200, grpcStatus: 7, flag: 'UAEX' })
  })
})

describe('rescue and x-selvage-not-processed', () => {
  it('is said to a mesh peer when the request never reached the app', async () => {
    const { response } = await rescued(failing('connect-failure'), FROM_PEER)
    expect(response.headers.get('x-selvage-not-processed')).toBe('1')
  })

  it.each([
    ['to a peer that is not of the mesh', 'connect-failure', { ...FROM_PEER, meshPeer: false }],
    ['to the app', 'connect-failure', OUTBOUND],
    ['when the app may have seen the request', 'upstream-reset', FROM_PEER],
    ['when a limit was reached', 'overflow', FROM_PEER],
    ['when a rule refused', 'access-denied', FROM_PEER],
  ] as const)('is not said %s', async (_, code, arrival) => {
    const { response } = await rescued(failing(code), arrival)
    expect(response.headers.has('x-selvage-not-processed')).toBe(false)
  })
})

describe('rescue keeps x-selvage-* honest', () => {
  const forged = { 'x-selvage-not-processed': '1', 'X-Selvage-Reason': 'UF forged', 'x-other': 'kept' }

  it('drops what an app claims in its response', async () => {
    const { response } = await rescued(async () => respond(503, forged), FROM_PEER)
    expect(fieldOf(response, 'x-selvage-not-processed')).toBeUndefined()
    expect(fieldOf(response, 'x-selvage-reason')).toBeUndefined()
    expect(fieldOf(response, 'x-other')).toBe('kept')
  })

  it('drops what an app claims in its request, and who it says it is', async () => {
    const { exchange } = await rescued(async () => respond(200), OUTBOUND, {
      headers: {
        'x-selvage-not-processed': '1',
        'x-forwarded-client-cert': 'URI=spiffe://shop/workload/admin',
      },
    })
    const { headers } = exchange.request
    for (let field = 0; field < headers.count; field++)
      expect(exchange.edits?.drops(headers, field)).toBe(true)
  })

  it('lets the app read why a peer refused', async () => {
    const { response } = await rescued(async () => respond(403, { 'x-selvage-reason': 'UAEX no rule' }))
    expect(fieldOf(response, 'x-selvage-reason')).toBe('UAEX no rule')
  })

  it('edits nothing when there is nothing to drop', async () => {
    const { response, exchange } = await rescued(async () => respond(200, { 'x-other': '1' }), FROM_PEER)
    expect(response.edits).toBeUndefined()
    expect(exchange.edits).toBeUndefined()
  })
})
