import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../proxy/attempt.ts'
import { eachAttempt, type Filter, type Handler, serving, stack } from '../../proxy/exchange.ts'
import { Failure } from '../../proxy/failure.ts'
import { HeaderBlock } from '../../proxy/header-block.ts'
import { ManualClock } from '../../testing/clock.ts'
import { exchangeOf, FakeRequest, OUTBOUND, respond } from './filter/fake-request.ts'

const GONE = new Failure('downstream-gone', 'the client left')

describe('stack', () => {
  it('shows the request to the first filter first, and the response to it last', async () => {
    const seen: string[] = []
    const note =
      (name: string): Filter<string> =>
      next =>
      async x => {
        seen.push(`${name} in`)
        const response = await next(x)
        seen.push(`${name} out`)
        return response
      }
    const last: Handler<string> = async () => {
      seen.push('last')
      return respond(200)
    }
    await stack([note('a'), note('b')], last)('x')
    expect(seen).toEqual(['a in', 'b in', 'last', 'b out', 'a out'])
  })

  it('is just the last handler when there are no filters', async () => {
    const last: Handler<string> = async () => respond(204)
    expect((await stack([], last)('x')).status).toBe(204)
  })
})

describe('eachAttempt', () => {
  it('makes a new attempt for each call, with a number and the body of that moment', async () => {
    const { exchange } = exchangeOf(new ManualClock())
    const attempts: Attempt[] = []
    const handler = eachAttempt(async attempt => {
      attempts.push(attempt)
      return respond(200)
    })
    await handler(exchange)
    await handler(exchange)
    expect(attempts.map(({ number }) => number)).toEqual([1, 2])
    expect(exchange.record.attempts).toBe(2)
    expect(exchange.lastAttempt).toBe(attempts[1])
  })
})

describe('serving', () => {
  it('makes an exchange of each request, begun now', async () => {
    const clock = new ManualClock()
    await clock.advance(5)
    const handler: Handler<import('../../proxy/exchange.ts').Exchange> = async exchange =>
      respond(exchange.startedMs === 5 && exchange.arrival === OUTBOUND ? 200 : 500)
    expect((await serving(handler, clock, OUTBOUND)(new FakeRequest())).status).toBe(200)
  })
})

describe('Exchange', () => {
  it.each([
    ['payments.shop.internal', 'payments.shop.internal'],
    ['payments.shop.internal:8080', 'payments.shop.internal'],
    ['[::1]', '[::1]'],
    ['[::1]:8080', '[::1]'],
    ['', ''],
  ])('matches %j as host %j', (authority, host) => {
    expect(exchangeOf(new ManualClock(), { authority }).exchange.host).toBe(host)
  })

  it('tells everyone of its end once, in the order in which they asked, with what is known', async () => {
    const clock = new ManualClock()
    const { exchange, request } = exchangeOf(clock)
    const seen: string[] = []
    exchange.onEnd(() => seen.push('first'))
    exchange.onEnd(({ record }) => seen.push(`${record.status} ${record.durationMs} ${record.responseBytes}`))
    await clock.advance(3)
    exchange.answered(200)
    await clock.advance(7)
    const end = request.onEnd
    request.end({ responseBytes: 12 })
    end?.({ requestBytes: 0, responseBytes: 0, failure: undefined, trailers: undefined })
    expect(seen).toEqual(['first', '200 10 12'])
    expect(exchange.record.headMs).toBe(3)
    expect(exchange.record.flag).toBe('-')
  })

  it('takes the gRPC status out of the trailers', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    request.end({ trailers: HeaderBlock.of([['grpc-status', '5']]) })
    expect(exchange.record.grpcStatus).toBe(5)
  })

  it('notes the flag and reason of what ended it early', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    request.abort(GONE)
    expect(exchange.record).toMatchObject({ flag: 'DC', reason: 'the client left' })
  })

  it('keeps a flag that a filter has set', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    exchange.record.flag = 'URX'
    request.abort(GONE)
    expect(exchange.record.flag).toBe('URX')
  })

  it('cancels every attempt that runs when the client leaves', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    const cancelled: string[] = []
    const [first, second] = [exchange.newAttempt(), exchange.newAttempt()]
    first.onEnd(undefined)
    first.onCancel = () => cancelled.push('first')
    second.onCancel = failure => cancelled.push(`second ${failure.code}`)
    request.abort(GONE)
    expect(cancelled).toEqual(['second downstream-gone'])
    expect(exchange.stopped).toBe(GONE)
  })

  it('cancels an attempt that is made after it was stopped', () => {
    const { exchange } = exchangeOf(new ManualClock())
    exchange.stop(GONE)
    expect(exchange.newAttempt().cancelledBy).toBe(GONE)
  })

  it('is stopped by the first failure only, and wakes who waits without an attempt', () => {
    const { exchange } = exchangeOf(new ManualClock())
    const woken: Failure[] = []
    exchange.onStop = failure => woken.push(failure)
    exchange.stop(GONE)
    exchange.stop(new Failure('response-timeout', 'too late'))
    expect(woken).toEqual([GONE])
  })

  it('cancels every attempt that is left when the answer was the own', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    const attempt = exchange.newAttempt()
    exchange.answeredOurselves(503)
    request.end()
    expect(attempt.cancelledBy?.code).toBe('cancelled')
  })

  it('cancels answers that were thrown away and still arrive when it ends, and never the last', () => {
    const { exchange, request } = exchangeOf(new ManualClock())
    const [first, last] = [exchange.newAttempt(), exchange.newAttempt()]
    request.end()
    expect(first.cancelledBy?.code).toBe('cancelled')
    expect(last.cancelledBy).toBeUndefined()
  })
})

describe('Attempt', () => {
  it('ends once, and tells late listeners at once', () => {
    const attempt = exchangeOf(new ManualClock()).exchange.newAttempt()
    const seen: (string | undefined)[] = []
    attempt.whenEnded((_, failure) => seen.push(failure?.code))
    attempt.onEnd(GONE)
    attempt.onEnd(undefined)
    attempt.whenEnded((_, failure) => seen.push(`late ${failure?.code}`))
    expect(seen).toEqual(['downstream-gone', 'late downstream-gone'])
  })

  it('ends when the head of its response was seen, though the codec was done before', () => {
    const attempt = exchangeOf(new ManualClock()).exchange.newAttempt()
    const seen: string[] = []
    attempt.whenEnded(({ status, peerFlag }) => seen.push(`${status} ${peerFlag}`))
    attempt.onEnd(undefined)
    expect(seen).toEqual([])
    attempt.answered(503, 'UO')
    expect(seen).toEqual(['503 UO'])
  })

  it('is cancelled once, and not after its end', () => {
    const { exchange } = exchangeOf(new ManualClock())
    const attempt = exchange.newAttempt()
    let cancels = 0
    attempt.onCancel = () => cancels++
    attempt.cancel(GONE)
    attempt.cancel(GONE)
    expect(cancels).toBe(1)
    const over = exchange.newAttempt()
    over.onCancel = () => cancels++
    over.onEnd(undefined)
    over.cancel(GONE)
    expect(cancels).toBe(1)
  })

  it('ends and rejects when it fails before a codec had it', async () => {
    const attempt = exchangeOf(new ManualClock()).exchange.newAttempt()
    await expect(attempt.fail(GONE)).rejects.toBe(GONE)
    expect(attempt.ended).toBe(true)
  })

  it('says whose fault it is when there is no backend', () => {
    const attempt = exchangeOf(new ManualClock()).exchange.newAttempt()
    expect(() => attempt.backend).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})
