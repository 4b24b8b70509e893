import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CircuitBreaker as Limits } from '../../../mesh/policy/circuit-breaker.ts'
import { EMPTY_BODY } from '../../../proxy/body.ts'
import { Failure } from '../../../proxy/failure.ts'
import { HeaderBlock } from '../../../proxy/header-block.ts'
import type { OutgoingRequest } from '../../../proxy/message.ts'
import { MetricsRegistry } from '../../../proxy/telemetry/metrics.ts'
import { CircuitBreaker } from '../../../proxy/upstream/circuit-breaker.ts'
import { Lease, Pool, type PoolOptions } from '../../../proxy/upstream/pool.ts'
import { ManualClock, settled } from '../../../testing/clock.ts'
import { CLUSTER } from '../snapshots.ts'
import { FakeConnector } from './fake-connector.ts'

class Plain implements OutgoingRequest {
  readonly method = 'GET'
  readonly scheme = 'http'
  readonly authority = 'payments'
  readonly path = '/'
  readonly query = ''
  readonly headers = HeaderBlock.EMPTY
  readonly edits = undefined
  readonly body = EMPTY_BODY
  onCancel: ((failure: Failure) => void) | undefined = undefined
  ended: (Failure | undefined)[] = []
  onEnd(failure: Failure | undefined): void {
    this.ended.push(failure)
  }
}

function poolOf(limits: Partial<Limits> = {}, options: Partial<PoolOptions> = {}, streams = 1) {
  const clock = new ManualClock()
  const connector = new FakeConnector()
  connector.streams = streams
  const breaker = new CircuitBreaker(
    { ...CLUSTER.circuitBreaker, ...limits },
    { workload: 'payments' },
    new MetricsRegistry(),
  )
  const pool = new Pool({
    destination: { address: '127.0.0.1', port: 3000, protocol: 'http', tls: undefined },
    connector,
    clock,
    breaker,
    limitsConnections: true,
    idleTimeoutMs: 4000,
    maxIdle: 8,
    onConnected: () => {},
    onConnectFailure: () => {},
    ...options,
  })
  /** Acquires and sends. */
  const send = async (request = new Plain()) => {
    const lease = await pool.acquire(request, 1000)
    void lease.send(request).catch(() => {})
    return connector.call
  }
  return { clock, connector, breaker, pool, send }
}

describe('Pool', () => {
  it('hands out an idle connection at once', async () => {
    const { pool, send } = poolOf()
    const call = await send()
    call.respond(200)
    expect(pool.acquire(new Plain(), 1000)).toBeInstanceOf(Lease)
    expect(pool.size).toBe(1)
  })

  it('hands out the connection that was used last', async () => {
    const { pool, send } = poolOf()
    const calls = await Promise.all([send(), send()])
    const [first, second] = [calls[0]!.connection, calls[1]!.connection]
    calls[1]!.respond(200)
    calls[0]!.respond(200)
    expect((pool.acquire(new Plain(), 1000) as Lease).connection).toBe(first)
    expect((pool.acquire(new Plain(), 1000) as Lease).connection).toBe(second)
  })

  it('passes the time limit of the first who waits to the connector', () => {
    const { pool, connector } = poolOf()
    void pool.acquire(new Plain(), 250)
    expect(connector.connects[0]!.timeoutMs).toBe(250)
  })

  it('serves those who wait in the order of arrival', async () => {
    const { pool, connector, send } = poolOf({ maxConnections: 1 })
    const call = await send()
    const order: number[] = []
    const waiting = [1, 2, 3].map(async number => {
      const lease = await pool.acquire(new Plain(), 1000)
      order.push(number)
      lease.release()
    })
    call.respond(200)
    await Promise.all(waiting)
    expect(order).toEqual([1, 2, 3])
    expect(connector.connects).toHaveLength(1)
  })

  it('opens no second connection for a request that another one serves meanwhile', async () => {
    const { pool, connector, send } = poolOf()
    const call = await send()
    connector.immediate = false
    const first = pool.acquire(new Plain(), 1000)
    call.respond(200)
    await first
    void pool.acquire(new Plain(), 1000)
    expect(connector.connects).toHaveLength(2)
  })

  it('never exceeds maxConnections, and refuses what exceeds maxPendingRequests', async () => {
    const { pool, breaker, connector } = poolOf({ maxConnections: 2, maxPendingRequests: 1 })
    connector.immediate = false
    const results = [1, 2, 3, 4].map(() => pool.acquire(new Plain(), 1000) as Promise<Lease>)
    await expect(results[3]).rejects.toMatchObject({ code: 'overflow' })
    expect(connector.connects).toHaveLength(2)
    expect(breaker.pending.used).toBe(1)
    connector.connects[0]!.accept()
    for (const result of results.slice(0, 3)) (await result).release()
    expect(breaker.pending.used).toBe(0)
  })

  it('does not limit connections between sidecars', async () => {
    const { connector, send } = poolOf(
      { maxConnections: 1, maxPendingRequests: 0, maxRequestsPerConnection: 1 },
      { limitsConnections: false },
    )
    const calls = await Promise.all([send(), send(), send()])
    for (const call of calls) call.respond(200)
    expect(connector.connections.filter(({ closed }) => closed)).toHaveLength(0)
    expect(connector.connections).toHaveLength(3)
  })

  it('gives one destination a connection even when others use up the limit of the workload', async () => {
    const { breaker, connector, send } = poolOf({ maxConnections: 1 })
    breaker.connections.enter()
    await send()
    expect(connector.connections).toHaveLength(1)
  })

  it('closes a connection after maxRequestsPerConnection', async () => {
    const { pool, connector, send } = poolOf({ maxRequestsPerConnection: 2 })
    for (let i = 0; i < 3; i++) (await send()).respond(200)
    expect(connector.connections.map(({ sent, closed }) => ({ sent, closed }))).toEqual([
      { sent: 2, closed: true },
      { sent: 1, closed: false },
    ])
    expect(pool.size).toBe(1)
  })

  it('fails one request for one failed connection, the one that waits longest', async () => {
    const { pool, connector } = poolOf()
    connector.immediate = false
    const first = pool.acquire(new Plain(), 1000) as Promise<Lease>
    const second = pool.acquire(new Plain(), 1000) as Promise<Lease>
    connector.connects[1]!.refuse()
    await expect(first).rejects.toMatchObject({ code: 'connect-failure' })
    connector.connects[0]!.accept()
    await expect(second).resolves.toBeInstanceOf(Lease)
  })

  it('turns whatever the connector throws into a connect failure', async () => {
    const { pool, connector } = poolOf()
    connector.connect = () => Promise.reject(new Error('no such host'))
    await expect(pool.acquire(new Plain(), 1000)).rejects.toMatchObject({
      code: 'connect-failure',
      message: 'no such host',
    })
    expect(pool.size).toBe(0)
  })

  it('tries again for those who still wait when a connection fails at the limit', async () => {
    const { pool, connector } = poolOf({ maxConnections: 1 })
    connector.immediate = false
    const first = pool.acquire(new Plain(), 1000) as Promise<Lease>
    const second = pool.acquire(new Plain(), 1000) as Promise<Lease>
    connector.connects[0]!.refuse()
    await expect(first).rejects.toThrow()
    connector.connects[1]!.accept()
    await expect(second).resolves.toBeInstanceOf(Lease)
  })

  it('lets a request leave the queue when it is cancelled', async () => {
    const { pool, breaker, send } = poolOf({ maxConnections: 1 })
    const call = await send()
    const request = new Plain()
    const waiting = pool.acquire(request, 1000) as Promise<Lease>
    const gone = new Failure('downstream-gone', 'the client left')
    request.onCancel?.(gone)
    await expect(waiting).rejects.toBe(gone)
    expect(breaker.pending.used).toBe(0)
    call.respond(200)
    expect(pool.idleCount).toBe(1)
  })

  it('never hands out a connection that closed while it was idle', async () => {
    const { pool, connector, send } = poolOf()
    ;(await send()).respond(200)
    connector.connections[0]!.close()
    expect(pool.idleCount).toBe(0)
    await send()
    expect(connector.connections).toHaveLength(2)
  })

  it('passes over an idle connection that takes no more', async () => {
    const { connector, send } = poolOf()
    ;(await send()).respond(200)
    connector.connections[0]!.capacity = 0
    const call = await send()
    expect(call.connection).toBe(connector.connections[1])
  })

  it('closes idle connections before the idle timeout is over, and not those in use', async () => {
    const { clock, connector, pool, send } = poolOf()
    const [idle, busy] = await Promise.all([send(), send()])
    idle.respond(200)
    await clock.advance(1999)
    expect(idle.connection.closed).toBe(false)
    await clock.advance(2001)
    expect(idle.connection.closed).toBe(true)
    expect(busy.connection.closed).toBe(false)
    expect(pool.size).toBe(1)
    expect(connector.connections).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('keeps a connection that is used again and again', async () => {
    const { clock, connector, send } = poolOf()
    for (let i = 0; i < 20; i++) {
      ;(await send()).respond(200)
      await clock.advance(1500)
    }
    expect(connector.connections).toHaveLength(1)
  })

  it('keeps no more idle connections than maxIdle', async () => {
    const { pool, send } = poolOf({}, { maxIdle: 1 })
    const calls = await Promise.all([send(), send()])
    for (const call of calls) call.respond(200)
    expect(pool.idleCount).toBe(1)
    expect(pool.size).toBe(1)
  })

  it('closes what is idle when it drains, and the rest after what it carries', async () => {
    const { clock, pool, send } = poolOf()
    const [idle, busy] = await Promise.all([send(), send()])
    idle.respond(200)
    pool.drain()
    expect(idle.connection.closed).toBe(true)
    expect(busy.connection.closed).toBe(false)
    busy.respond(200)
    expect(busy.connection.closed).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('still serves a request that comes after it drained, on a connection of its own', async () => {
    const { pool, send } = poolOf()
    pool.drain()
    const call = await send()
    call.respond(200)
    expect(call.connection.closed).toBe(true)
  })

  it('fails everybody when it is destroyed', async () => {
    const { pool, breaker, send } = poolOf({ maxConnections: 1 })
    const call = await send()
    const waiting = pool.acquire(new Plain(), 1000) as Promise<Lease>
    const end = new Failure('draining', 'shutting down')
    pool.destroy(end)
    await expect(waiting).rejects.toBe(end)
    await expect(call.response).rejects.toBe(end)
    expect(breaker.connections.used).toBe(0)
  })

  it('ends with nothing counted, whatever happens in which order', async () => {
    const step = fc.constantFrom('send', 'respond', 'break', 'cancel', 'accept', 'refuse', 'hangup', 'sweep')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.nat(100)), { maxLength: 80 }), async script => {
        const { clock, connector, breaker, pool } = poolOf({
          maxConnections: 3,
          maxPendingRequests: 3,
          maxRequestsPerConnection: 4,
        })
        connector.immediate = false
        const requests: Plain[] = []
        const connects = () => connector.connects.filter(connect => !answered.has(connect))
        const answered = new Set<unknown>()
        const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length]
        const actions: Record<string, (at: number) => void> = {
          send() {
            const request = new Plain()
            requests.push(request)
            void Promise.resolve(pool.acquire(request, 1000)).then(
              lease => lease.send(request).catch(() => {}),
              () => {},
            )
          },
          respond: at =>
            pick(
              connector.calls.filter(({ ended }) => !ended),
              at,
            )?.respond(200),
          break: at =>
            pick(
              connector.calls.filter(({ ended }) => !ended),
              at,
            )?.break(),
          cancel: at => pick(requests, at)?.onCancel?.(new Failure('downstream-gone', 'left')),
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
          hangup: at =>
            pick(
              connector.connections.filter(({ closed }) => !closed),
              at,
            )?.close(),
          sweep: () => void clock.advance(2000),
        }
        for (const [action, at] of script) {
          actions[action]!(at)
          await settled()
          expect(breaker.connections.used).toBeLessThanOrEqual(3)
          expect(breaker.pending.used).toBeLessThanOrEqual(3)
          expect(breaker.connections.used).toBe(pool.size)
        }
        pool.destroy(new Failure('draining', 'the end'))
        for (const connect of connects()) connect.refuse()
        await clock.advance(10_000)
        expect(breaker.connections.used).toBe(0)
        expect(breaker.pending.used).toBe(0)
        expect(pool.waiting).toBe(0)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})

describe('Pool of connections that take several requests', () => {
  it('opens one for as many requests as it will take', async () => {
    const { pool, connector } = poolOf({}, {}, 3)
    connector.immediate = false
    const leases = Array.from({ length: 4 }, () => pool.acquire(new Plain(), 1000))
    expect(connector.connects).toHaveLength(2)
    for (const { accept } of connector.connects) accept()
    const connections = (await Promise.all(leases)).map(({ connection }) => connection)
    expect(connections.filter(each => each === connections[0])).toHaveLength(3)
    expect(new Set(connections).size).toBe(2)
  })

  it('gives out the same connection until it is full, and another then', async () => {
    const { pool, connector, send } = poolOf({}, {}, 2)
    await send()
    await send()
    expect(connector.connections).toHaveLength(1)
    await send()
    expect(connector.connections).toHaveLength(2)
    expect(pool.size).toBe(2)
  })

  it('counts places that were given out and not used yet', async () => {
    const { pool, connector } = poolOf({}, {}, 2)
    const first = await pool.acquire(new Plain(), 1000)
    const second = pool.acquire(new Plain(), 1000) as Lease
    expect(second.connection).toBe(first.connection)
    const third = pool.acquire(new Plain(), 1000)
    expect(third).toBeInstanceOf(Promise)
    expect((await third).connection).not.toBe(first.connection)
    first.release()
    expect(pool.acquire(new Plain(), 1000)).toMatchObject({ connection: connector.connections[0] })
  })

  it('opens more when a connection takes fewer than was expected', async () => {
    const connector = new FakeConnector()
    connector.expectedStreams = 100
    const { pool } = poolOf({}, { connector })
    const leases = await Promise.all(Array.from({ length: 3 }, () => pool.acquire(new Plain(), 1000)))
    expect(new Set(leases.map(({ connection }) => connection)).size).toBe(3)
  })

  it('hands the place of an ended request to the one that waits', async () => {
    const { pool, connector, send } = poolOf({ maxConnections: 1 }, {}, 2)
    const call = await send()
    await send()
    const waiting = pool.acquire(new Plain(), 1000)
    expect(pool.waiting).toBe(1)
    call.respond(200)
    expect((await waiting).connection).toBe(connector.connections[0])
  })

  it('keeps one that is in use, and drains it when nobody has used it for the idle time', async () => {
    const { clock, connector, send } = poolOf({}, {}, 4)
    const call = await send()
    for (let i = 0; i < 4; i++) {
      await clock.advance(1000)
      const other = await send()
      other.respond(200)
    }
    expect(connector.connections[0]!.exhausted).toBe(false)
    call.respond(200)
    await clock.advance(8000)
    expect(connector.connections[0]!.exhausted).toBe(true)
  })
})
