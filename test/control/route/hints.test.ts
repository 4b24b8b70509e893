import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Hint, hintSchema, paths } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

interface Stream {
  /** The next event; comments are skipped. */
  next(): Promise<Hint>
  /** The next piece of text; undefined at the end. */
  text(): Promise<string | undefined>
  cancel(): Promise<void>
}

async function open(workload: string, ttlSeconds?: number): Promise<Stream> {
  const response = await plane.request(
    await plane.workload(workload, ttlSeconds),
    paths.hints(mesh, workload),
  )
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  const text = async () => (await reader.read()).value
  return {
    text,
    async next() {
      for (;;) {
        const [, data] = /^event: hint\ndata: (.*)\n\n$/.exec((await text()) ?? 'the stream has ended') ?? []
        if (data !== undefined) return hintSchema.parse(JSON.parse(data))
      }
    },
    cancel: () => reader.cancel(),
  }
}
const etag = async (workload: string, part: 'snapshotConfig' | 'snapshotEndpoints') => {
  const answer = await plane.call(await plane.workload(workload), 'GET', paths[part](mesh, workload))
  return answer.headers.get('etag')?.slice(1, -1)
}
/** Lets promises that are under way come to their end. */
const settle = () => new Promise(resolve => setImmediate(resolve))
const withWeight = (weight: number) => ({
  ...shop,
  routes: [{ service: 'payments', to: { 'payments/v1': 100 - weight, 'payments/v2': weight } }],
})

describe('the hint stream', () => {
  it('is refused to a workload that has taken more than its share, and to no other', async () => {
    for (let count = 0; count < 2000; count++) plane.control.notify.subscribe('web', () => {})
    const refused = await plane.call(await plane.workload('web'), 'GET', paths.hints(mesh, 'web'))
    expect(refused).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('poll meanwhile') },
    })
    expect(await (await open('orders')).next()).toMatchObject({ windowMs: 0 })
  })

  it('begins with the hashes that are there now', async () => {
    const stream = await open('web')
    expect(await stream.next()).toEqual({
      config: await etag('web', 'snapshotConfig'),
      endpoints: await etag('web', 'snapshotEndpoints'),
      windowMs: 0,
    })
  })

  it('tells at once of a change after quiet times, and only which part it was', async () => {
    const stream = await open('web')
    await stream.next()
    await plane.publish(withWeight(50))
    plane.clock.advance(0)
    expect(await stream.next()).toEqual({ config: await etag('web', 'snapshotConfig'), windowMs: 0 })
    plane.clock.advance(1000)
    await plane.register('payments/v1', 'v1-a')
    plane.clock.advance(0)
    expect(await stream.next()).toEqual({ endpoints: await etag('web', 'snapshotEndpoints'), windowMs: 0 })
  })

  it('tells one hint of many changes within a window', async () => {
    const stream = await open('web')
    await stream.next()
    await plane.register('payments/v1', 'first')
    plane.clock.advance(0)
    await stream.next()
    for (let index = 0; index < 20; index++) {
      await plane.register('payments/v1', `v1-${index}`, { port: 20_000 + index })
      plane.clock.advance(1)
      await settle()
    }
    plane.clock.advance(50)
    expect(await stream.next()).toEqual({ endpoints: await etag('web', 'snapshotEndpoints'), windowMs: 0 })
    plane.clock.advance(15_000)
    expect(await stream.text()).toMatch(/^:/)
  })

  it('says nothing of what does not concern the workload', async () => {
    const stream = await open('payments/v1')
    await stream.next()
    await plane.register('orders', 'orders-a')
    await plane.publish({ name: mesh, services: { audit: { targetPort: 9000, calls: [] } } }, 'audit')
    plane.clock.advance(1000)
    await settle()
    plane.clock.advance(15_000)
    expect(await stream.text()).toMatch(/^:/)
  })

  it('tells all who listen, also when one of them came while a change was waiting', async () => {
    const first = await open('web')
    await first.next()
    await plane.publish(withWeight(50))
    const second = await open('web')
    const config = (await second.next()).config
    plane.clock.advance(0)
    expect((await first.next()).config).toBe(config)
  })

  it('compiles nothing for workloads that nobody listens for', async () => {
    const stream = await open('orders')
    await stream.next()
    const before = plane.control.parts.compilations
    await plane.publish(withWeight(50))
    plane.clock.advance(0)
    await stream.next()
    expect(plane.control.parts.compilations).toBe(before + 1)
  })

  it('sends comments as heartbeats', async () => {
    const stream = await open('web')
    await stream.next()
    for (let beat = 0; beat < 3; beat++) {
      plane.clock.advance(15_000)
      expect(await stream.text()).toBe(': still here\n\n')
    }
  })

  it('ends when the certificate ends that opened it', async () => {
    const stream = await open('web', 3600)
    await stream.next()
    plane.clock.advance(3_600_000)
    let last: string | undefined = 'not yet'
    while (last !== undefined) last = await stream.text()
    expect(plane.control.notify.size).toBe(0)
  })

  it('ends, and leaves nothing behind, when the control plane stops', async () => {
    const stream = await open('web')
    await stream.next()
    plane.close()
    expect(await stream.text()).toBeUndefined()
    expect(plane.clock.pending).toBe(0)
  })

  it('leaves nothing behind when the proxy goes', async () => {
    const stream = await open('web')
    await stream.next()
    const pending = plane.clock.pending
    await stream.cancel()
    await settle()
    expect(plane.control.notify.size).toBe(0)
    expect(plane.clock.pending).toBe(pending - 2)
  })

  it('merges what a slow reader has not taken', async () => {
    const stream = await open('web')
    await stream.next()
    for (let index = 0; index < 30; index++) {
      await plane.register('payments/v1', `v1-${index}`, { port: 20_000 + index })
      plane.clock.advance(100)
      await settle()
    }
    const wanted = await etag('web', 'snapshotEndpoints')
    let seen = 0
    for (let hint = await stream.next(); ; hint = await stream.next()) {
      seen++
      if (hint.endpoints === wanted) break
    }
    expect(seen).toBeLessThan(20)
  })
})
