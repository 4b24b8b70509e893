/** Traces across two sidecars, as a collector sees them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, httpApp } from '../support/app.ts'
import { chain } from '../support/chain.ts'
import { type CollectedSpan, decodeTraces } from '../support/otlp.ts'
import { afterTest } from '../support/proxy.ts'
import { until } from '../support/until.ts'

const TRACE = '12345678901234567890123456789012'
const PARENT = '1234567890123456'

async function traced() {
  const spans: CollectedSpan[] = []
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      spans.push(...decodeTraces(Buffer.concat(chunks)))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  afterTest(() => {
    collector.close()
    collector.closeAllConnections()
  })
  const otlpTracesUrl = new URL(`http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`)
  const app = await httpApp('payments')
  const mesh = await chain({ apps: [app.port], outer: { otlpTracesUrl }, inner: { otlpTracesUrl } })
  const seen = async (headers: Record<string, string>) =>
    JSON.parse((await ask(mesh.outer.url(), { path: '/charges', headers })).body).headers as Record<
      string,
      string
    >
  return { ...mesh, spans, seen }
}

describe('a request through two sidecars', () => {
  test('is one trace: the caller, its sidecar, the sidecar of the app, the app', async () => {
    const { outer, inner, spans, seen } = await traced()
    const { traceparent } = await seen({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1' })
    // A stopped proxy has sent what it had.
    await Promise.all([outer.running.stop(), inner[0]!.running.stop()])
    const client = await until('the outbound span', () => spans.find(({ kind }) => kind === 3))
    const server = await until('the inbound span', () => spans.find(({ kind }) => kind === 2))
    expect(client).toMatchObject({ service: 'web', traceId: TRACE, parentId: PARENT, tracestate: 'vendor=1' })
    expect(server).toMatchObject({ service: 'payments', traceId: TRACE, parentId: client.spanId })
    expect(traceparent).toBe(`00-${TRACE}-${server.spanId}-01`)
    expect(client.attributes).toMatchObject({
      'http.request.method': 'GET',
      'url.path': '/charges',
      'http.response.status_code': 200,
      'selvage.service': 'payments',
    })
  })

  test('is passed on as it is when the caller does not record it', async () => {
    const { outer, inner, spans, seen } = await traced()
    const context = { traceparent: `00-${TRACE}-${PARENT}-00`, tracestate: 'vendor=1' }
    expect(await seen(context)).toMatchObject(context)
    await Promise.all([outer.running.stop(), inner[0]!.running.stop()])
    expect(spans).toEqual([])
  })
})
