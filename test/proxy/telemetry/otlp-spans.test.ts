import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { silentLog } from '../../../proxy/telemetry/log.ts'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import { OtlpSpans } from '../../../proxy/telemetry/otlp-spans.ts'
import type { FinishedSpan } from '../../../proxy/telemetry/span-sink.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { type CollectedSpan, decodeTraces } from '../../support/otlp.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function collector(status = 200) {
  const spans: CollectedSpan[] = []
  const requests: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${request.headers['content-type']}`)
      spans.push(...decodeTraces(Buffer.concat(chunks)))
      response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const { port } = server.address() as AddressInfo
  return { spans, requests, url: new URL(`http://127.0.0.1:${port}/v1/traces`) }
}

const finished = (more: Partial<FinishedSpan>): FinishedSpan => ({
  name: 'GET payments',
  kind: 'client',
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '',
  tracestate: '',
  startEpochMs: 1_700_000_000_000,
  endEpochMs: 1_700_000_000_012.5,
  attributes: {},
  error: undefined,
  ...more,
})

describe('OtlpSpans', () => {
  test('exports spans to a collector with the ids, parent, times, attributes and error that they have', async () => {
    const { spans, requests, url } = await collector()
    const sink = new OtlpSpans({
      url,
      serviceName: 'web',
      clock: new ManualClock(),
      log: silentLog,
      dropped: new Counter(),
    })
    sink.write(
      finished({
        parentId: '00f067aa0ba902b7',
        tracestate: 'vendor=x',
        kind: 'server',
        attributes: { 'http.request.method': 'GET', 'http.response.status_code': 503 },
        error: 'no healthy endpoint',
      }),
    )
    await sink.close()
    expect(requests).toEqual(['POST /v1/traces application/x-protobuf'])
    expect(spans).toEqual([
      {
        service: 'web',
        name: 'GET payments',
        kind: 2,
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: 'b7ad6b7169203331',
        parentId: '00f067aa0ba902b7',
        tracestate: 'vendor=x',
        startMs: 1_700_000_000_000,
        endMs: 1_700_000_000_012.5,
        attributes: { 'http.request.method': 'GET', 'http.response.status_code': 503 },
        statusCode: 2,
        statusMessage: 'no healthy endpoint',
      },
    ])
  })

  test('keeps the ids of a span that begins a trace', async () => {
    const { spans, url } = await collector()
    const sink = new OtlpSpans({
      url,
      serviceName: 'web',
      clock: new ManualClock(),
      log: silentLog,
      dropped: new Counter(),
    })
    for (let i = 0; i < 100; i++)
      sink.write(finished({ spanId: `b7ad6b71692033${String(i).padStart(2, '0')}` }))
    await sink.close()
    expect(spans).toHaveLength(100)
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(100)
    expect(spans[0]).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', parentId: '', kind: 3 })
  })

  test('drops and counts spans beyond its bound and after it was closed', async () => {
    const { url } = await collector()
    const dropped = new Counter()
    const sink = new OtlpSpans({ url, serviceName: 'web', clock: new ManualClock(), log: silentLog, dropped })
    for (let i = 0; i < 5000; i++) sink.write(finished({}))
    expect(dropped.value).toBe(904)
    await sink.close()
    sink.write(finished({}))
    expect(dropped.value).toBe(905)
  })

  test('counts and says what it leaves when the exporter does not come to its end in time', async () => {
    const { url } = await collector()
    const events: unknown[] = []
    const log = { ...silentLog, warn: (fields: object) => events.push(fields) }
    const dropped = new Counter()
    const clock = new ManualClock()
    const sink = new OtlpSpans({ url, serviceName: 'web', clock, log, dropped })
    for (let i = 0; i < 100; i++) sink.write(finished({}))
    const closed = sink.close()
    await clock.advance(3000)
    await closed
    expect(dropped.value).toBe(100)
    expect(events).toEqual([
      expect.objectContaining({
        event: 'span-export-failed',
        reason: 'not all were exported within 3 s of the end',
      }),
    ])
  })

  test('says once why the collector does not take spans', async () => {
    const { url } = await collector(403)
    const events: unknown[] = []
    const log = { ...silentLog, warn: (fields: object) => events.push(fields) }
    const sink = new OtlpSpans({
      url,
      serviceName: 'web',
      clock: new ManualClock(),
      log,
      dropped: new Counter(),
    })
    for (let i = 0; i < 600; i++) sink.write(finished({}))
    await sink.close()
    expect(events).toEqual([
      expect.objectContaining({
        event: 'span-export-failed',
        url: url.href,
        reason: expect.stringContaining('403'),
      }),
    ])
  })
})
