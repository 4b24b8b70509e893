import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { readAnswer, SHOP_TRAFFIC, visitorRequest, visitWeb } from '../../../examples/shop/traffic.ts'

const web = 'spiffe://shop.internal/workload/web'
const orders = 'spiffe://shop.internal/workload/orders'

describe('readAnswer', () => {
  it('follows an answer to the app that gave it', () => {
    const payments = { service: 'payments', version: 'v2', instance: 'payments-v2-b', caller: orders }
    const body = { service: 'web', upstream: { service: 'orders', caller: web, upstream: payments } }
    const answer = readAnswer(JSON.stringify(body))
    expect(answer.servedBy).toEqual({ version: 'payments/v2', instance: 'payments-v2-b' })
    expect(answer.edges).toEqual([
      { caller: web, callee: 'orders' },
      { caller: orders, callee: 'payments/v2' },
    ])
  })

  it('quotes what a sidecar said instead of an answer', () => {
    const headers = { 'x-selvage-reason': 'UAEX no rule allows it' }
    const upstream = { status: 403, headers, text: 'no rule allows it' }
    const answer = readAnswer(
      JSON.stringify({ service: 'web', upstream: { service: 'orders', caller: web, upstream } }),
    )
    expect(answer.servedBy).toBeUndefined()
    expect(answer).toMatchObject({ flag: 'UAEX', reason: 'no rule allows it' })
    expect(answer.edges).toEqual([{ caller: web, callee: 'orders' }])
  })

  it('takes words that are not JSON as they are', () => {
    expect(readAnswer('Bad Gateway')).toMatchObject({ flag: undefined, reason: 'Bad Gateway' })
  })

  it('is not misled by an app that is not payments', () => {
    const body = { service: 'web', upstream: { service: 'cellar', version: 'v1', instance: 'x' } }
    expect(readAnswer(JSON.stringify(body)).servedBy).toBeUndefined()
  })
})

describe('visitorRequest', () => {
  const many = Array.from({ length: 10_000 }, (_, n) => visitorRequest(SHOP_TRAFFIC, n + 1))
  const share = (of: (visit: (typeof many)[number]) => boolean): number =>
    many.filter(of).length / many.length

  it('mixes every kind with every other', () => {
    const testers = share(visit => visit.betaTester)
    expect(testers).toBeGreaterThan(0.08)
    expect(testers).toBeLessThan(0.12)
    for (const method of ['GET', 'POST']) {
      for (const path of ['/orders/', '/charges/']) {
        for (const betaTester of [true, false]) {
          const kind = (visit: (typeof many)[number]) =>
            visit.method === method && visit.path.startsWith(path) && visit.betaTester === betaTester
          expect(share(kind)).toBeGreaterThan(0.0005)
        }
      }
    }
  })

  it('gives every request an id of its own', () => {
    expect(new Set(many.map(visit => visit.id)).size).toBe(many.length)
  })
})

describe('visitWeb', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })
  const serve = (listener: RequestListener): Promise<URL> =>
    new Promise(resolve => {
      const server = createServer(listener)
      closers.push(() => server.close())
      server.listen(0, '127.0.0.1', () =>
        resolve(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
      )
    })
  const visit = { id: 'c1', method: 'GET', path: '/charges/c1', betaTester: true }

  it('says that it is a beta tester', async () => {
    const url = await serve((request, response) => {
      response.statusCode = request.headers['x-user-type'] === 'beta-tester' ? 200 : 400
      response.end('{}')
    })
    expect((await visitWeb(url, visit)).status).toBe(200)
  })

  it('has no status when the connection breaks', async () => {
    const url = await serve(request => request.destroy())
    const outcome = await visitWeb(url, visit)
    expect(outcome.status).toBe(0)
    expect(outcome.reason).toMatch(/hang up|reset/)
  })
})
