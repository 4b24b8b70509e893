import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import type { VersionedSnapshot } from '../../../proxy/config/config-source.ts'
import { ControlConfig } from '../../../proxy/config/control-api.ts'
import { ControlClient } from '../../../proxy/config/control-client.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { createAuthority } from '../../support/authority.ts'
import { controlServer } from '../../support/control-server.ts'
import { keptLog } from '../../support/log.ts'
import { endpoint, snapshot } from '../../support/snapshot.ts'
import { until } from '../../support/until.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A control plane that serves two parts by ETag and a stream of hints. */
async function begin() {
  const authority = await createAuthority()
  const { config, endpoints } = snapshot('web', {}, { payments: [endpoint('p1', 1001)] })
  const its = {
    config: { etag: '"c1"', value: config as unknown },
    endpoints: { etag: '"e1"', value: endpoints as unknown },
    fail: undefined as { status: number; headers?: Record<string, string> } | undefined,
    hints: [] as ServerResponse[],
    report: undefined as { endpoint: string; report: { version: string; ready: boolean } } | undefined,
  }
  const server = await controlServer(authority, ({ path, headers }) => {
    if (path.endsWith('/hints')) {
      return {
        status: 200,
        stream: response => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(': hello\n\n')
          its.hints.push(response)
        },
      }
    }
    if (its.fail !== undefined) return { ...its.fail, body: {} }
    const part = path.endsWith('/config') ? its.config : its.endpoints
    if (headers['if-none-match'] === part.etag) return { status: 304 }
    return { status: 200, headers: { etag: part.etag }, body: part.value }
  })
  const clock = new ManualClock(Date.now())
  const log = keptLog()
  const accepted: VersionedSnapshot[] = []
  const refused: string[] = []
  const client = new ControlClient(server.url, clock)
  client.identify(await authority.identity('web'))
  const source = new ControlConfig({
    client,
    mesh: 'shop',
    workload: 'web',
    clock,
    random: { next: () => 0.5 },
    log,
    report: () => its.report,
  })
  const stop = source.watch({ accept: value => accepted.push(value), refuse: reason => refused.push(reason) })
  closing.push(stop, () => server.close())
  const hint = (value: object, event = 'hint') => {
    for (const stream of its.hints) stream.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`)
  }
  const first = async () => {
    await clock.advance(0)
    await until('the first snapshot', () => accepted.length === 1)
    await until('the stream of hints', () => its.hints.length === 1)
  }
  return { its, server, clock, log, accepted, refused, hint, stop, first }
}

describe('ControlConfig', () => {
  test('fetches both parts and offers them as one value, with their hashes', async () => {
    const { accepted, server, first } = await begin()
    await first()
    expect(accepted[0]).toMatchObject({
      configHash: 'c1',
      endpointsHash: 'e1',
      snapshot: { config: { workload: 'web' }, endpoints: { clusters: { payments: [{ id: 'p1' }] } } },
    })
    expect(server.requests.map(({ client }) => client)).toContain('URI:spiffe://shop/workload/web')
  })

  test('fetches only the part that a hint names, within the window of the hint', async () => {
    const { its, accepted, clock, server, hint, first } = await begin()
    await first()
    its.endpoints = { etag: '"e2"', value: { format: 1, clusters: { payments: [] } } }
    hint({ endpoints: 'e2', windowMs: 1000 })
    await until('the fetch is planned', () => clock.pending > 1)
    await clock.advance(499)
    expect(server.to('/snapshot/endpoints')).toHaveLength(1)
    await clock.advance(1)
    await until('it is fetched', () => accepted.length === 2)
    expect(accepted[1]).toMatchObject({ configHash: 'c1', endpointsHash: 'e2' })
    expect(server.to('/snapshot/config')).toHaveLength(1)
    expect(server.to('/snapshot/endpoints')[1]?.headers['if-none-match']).toBe('"e1"')
  })

  test('ignores hints that tell nothing new, and those that it cannot read', async () => {
    const { server, clock, log, hint, first } = await begin()
    await first()
    hint({ config: 'c1', endpoints: 'e1', windowMs: 0 })
    hint({ nonsense: true })
    hint({ endpoints: 'e9', windowMs: 0 }, 'other')
    await until('the hint is complained about', () => log.of('hint-unreadable')[0])
    await clock.advance(1000)
    expect(server.to('/snapshot/endpoints')).toHaveLength(1)
  })

  test('polls slowly when no hint comes, and asks at once after the stream was interrupted', async () => {
    const { its, server, clock, accepted, first } = await begin()
    await first()
    await clock.advance(280_000)
    expect(server.to('/snapshot/config')).toHaveLength(1)
    await clock.advance(30_000)
    await until('it polls', () => server.to('/snapshot/config').length === 2)
    expect(accepted).toHaveLength(1)
    its.hints[0]?.destroy()
    await until('it notices', async () => {
      await clock.advance(100)
      return its.hints.length === 2
    })
    await until('it asks', async () => {
      await clock.advance(0)
      return server.to('/snapshot/config').length === 3
    })
  })

  test('keeps what it has while the control plane fails, says so once, backs off as told, and says when it is back', async () => {
    const { its, server, clock, log, accepted, hint, first } = await begin()
    await first()
    its.fail = { status: 429, headers: { 'retry-after': '7' } }
    its.config = { etag: '"c2"', value: its.config.value }
    hint({ config: 'c2', windowMs: 0 })
    const asked = () => server.to('/snapshot/config').length
    await until('it asks', async () => {
      await clock.advance(0)
      return log.of('snapshot-fetch-failed').length === 1
    })
    await clock.advance(6900)
    expect(asked()).toBe(2)
    its.fail = undefined
    await clock.advance(200)
    await until('it is fetched', () => accepted.length === 2)
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    expect(log.of('control-plane-back')).toHaveLength(1)
  })

  test('offers a part that came when the other one failed, without asking for it again', async () => {
    const { its, server, clock, accepted, first } = await begin()
    its.fail = { status: 503 }
    await clock.advance(0)
    await until('it fails', () => server.to('/snapshot/endpoints').length === 1)
    its.fail = undefined
    await clock.advance(1000)
    await first()
    expect(accepted).toHaveLength(1)
  })

  test('refuses what is no snapshot, names the place, and keeps the last good one', async () => {
    const { its, clock, accepted, refused, hint, first } = await begin()
    await first()
    its.config = { etag: '"c2"', value: { ...(its.config.value as object), format: 7, egress: 'some' } }
    hint({ config: 'c2', windowMs: 0 })
    await until('it is refused', async () => {
      await clock.advance(0)
      return refused.length === 1
    })
    expect(refused[0]).toMatch(/^snapshot: config\.format: .*; config\.egress: /)
    expect(accepted).toHaveLength(1)
  })

  test('sends a report with its polls when there is one', async () => {
    const { its, server, clock, first } = await begin()
    its.report = { endpoint: 'w1', report: { version: '1', ready: true } }
    await first()
    const [asked] = server.to('/snapshot/config')
    expect(asked?.headers['x-selvage-endpoint']).toBe('w1')
    expect(JSON.parse(String(asked?.headers['x-selvage-report']))).toEqual({ version: '1', ready: true })
    await clock.advance(0)
  })

  test('asks for nothing after it was stopped', async () => {
    const { server, clock, hint, stop, first } = await begin()
    await first()
    stop()
    hint({ config: 'c9', windowMs: 0 })
    await clock.advance(1_000_000)
    expect(server.to('/snapshot/config')).toHaveLength(1)
  })
})
