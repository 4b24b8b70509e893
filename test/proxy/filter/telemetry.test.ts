import { describe, expect, it } from 'vitest'
import type { TelemetryConfig } from '../../../mesh/snapshot.ts'
import { snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const observed = async (telemetry: Partial<TelemetryConfig> = {}) => {
  const config = { telemetry: { accessLog: 'off' as const, traceSamplePercent: 0, ...telemetry } }
  const sidecar = await fakeSidecar(snapshotOf({ config }))
  sidecar.connector.serve = call => call.respond(200)
  return sidecar
}

const SAMPLED = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }

describe('accessLog', () => {
  it('writes one line when the exchange is over, not when the head is there', async () => {
    const { send, lines, clock } = await observed({ accessLog: 'json' })
    const { response, request } = send({ method: 'PUT', path: '/charges/1', query: 'token=secret' })
    await response
    expect(lines).toHaveLength(0)
    await clock.advance(7)
    request.end({ requestBytes: 3, responseBytes: 4 })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      direction: 'outbound',
      service: 'payments',
      workload: 'payments',
      route: 'default',
      source: 'web',
      method: 'PUT',
      authority: 'payments.shop.internal',
      path: '/charges/1',
      status: 200,
      flag: '-',
      requestBytes: 3,
      responseBytes: 4,
      headMs: 0,
      durationMs: 7,
      attempts: 1,
      endpoint: 'a',
    })
    expect(lines[0]).not.toContain('secret')
  })

  it('says who called, and how that was proven', async () => {
    const { receive, lines } = await observed({ accessLog: 'json' })
    const { response, request } = receive()
    await response
    request.end()
    expect(JSON.parse(lines[0]!)).toMatchObject({
      direction: 'inbound',
      source: 'orders',
      sourceId: 'spiffe://shop/workload/orders',
      tls: 'TLSv1.3',
    })
  })

  it('says why a request failed', async () => {
    const { send, lines } = await observed({ accessLog: 'json' })
    const { response, request } = send({}, { service: 'ledger' })
    await response
    request.end()
    expect(JSON.parse(lines[0]!)).toMatchObject({ status: 404, flag: 'NR', attempts: 0 })
    expect(JSON.parse(lines[0]!).reason).toContain('ledger')
  })

  it('builds nothing while nobody wants it', async () => {
    const { send, lines } = await observed()
    const { response, request } = send()
    await response
    request.end()
    expect(lines).toHaveLength(0)
  })
})

describe('trace', () => {
  it('ends a span for a sampled request when the exchange is over', async () => {
    const { send, spans, clock, connector } = await observed()
    const { response, request, exchange } = send({ headers: SAMPLED })
    await response
    expect(spans).toHaveLength(0)
    await clock.advance(7)
    request.end({ responseBytes: 4 })
    expect(spans).toHaveLength(1)
    const [span] = spans
    expect(span).toMatchObject({
      name: 'GET',
      kind: 'client',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentId: 'b7ad6b7169203331',
      error: undefined,
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'http.response.body.size': 4,
        'selvage.service': 'payments',
        'selvage.workload': 'payments',
      },
    })
    expect(span!.endEpochMs - span!.startEpochMs).toBe(7)
    const sent = connector.call.request.edits?.get('traceparent')
    expect(sent).toBe(`00-0af7651916cd43dd8448eb211c80319c-${span!.spanId}-01`)
    expect(exchange.span?.spanId).toBe(span!.spanId)
  })

  it('calls inbound spans server spans, and says what failed', async () => {
    const { receive, spans } = await observed()
    const { response, request } = receive({ headers: SAMPLED }, { port: 81 })
    await response
    request.end()
    expect(spans[0]).toMatchObject({ kind: 'server', attributes: { 'selvage.flag': 'NR' } })
    expect(spans[0]!.error).toContain('port 81')
  })

  it('calls a 5xx of the app an error', async () => {
    const { receive, spans, connector } = await observed()
    connector.serve = call => call.respond(500)
    const { response, request } = receive({ headers: SAMPLED })
    await response
    request.end()
    expect(spans[0]!.error).toBe('status 500')
  })

  it('makes no span for a request that is not sampled', async () => {
    const { send, spans } = await observed()
    const { response, request, exchange } = send()
    await response
    request.end()
    expect(spans).toHaveLength(0)
    expect(exchange.span).toBeUndefined()
  })

  it('makes a span for the share of requests that the snapshot wants', async () => {
    const { send, spans } = await observed({ traceSamplePercent: 100 })
    const { response, request } = send()
    await response
    request.end()
    expect(spans).toHaveLength(1)
  })
})

describe('metrics', () => {
  it('counts by service, workload, route, status class and flag when the exchange is over', async () => {
    const { send, metrics, connector } = await observed()
    for (const status of [200, 204, 404]) {
      connector.serve = call => call.respond(status)
      const { response, request } = send()
      await response
      request.end()
    }
    const lines = metrics.expose().split('\n')
    const labels = (more: string) =>
      `class="${more}",direction="outbound",flag="-",route="default",service="payments",workload="payments"`
    expect(lines).toContain(`selvage_requests_total{${labels('2xx')}} 2`)
    expect(lines).toContain(`selvage_requests_total{${labels('4xx')}} 1`)
    expect(lines).toContain(
      'selvage_request_duration_ms_count{direction="outbound",route="default",service="payments",workload="payments"} 3',
    )
  })

  it('observes the whole duration', async () => {
    const { send, metrics, clock } = await observed()
    const { response, request } = send()
    await response
    await clock.advance(40)
    request.end()
    expect(metrics.expose()).toMatch(/selvage_request_duration_ms_sum\{[^}]*\} 40\n/)
  })

  it('counts what found no route, with its flag', async () => {
    const { receive, metrics } = await observed()
    const { response, request } = receive({}, { port: 81 })
    await response
    request.end()
    expect(metrics.expose()).toContain(
      'selvage_requests_total{class="4xx",direction="inbound",flag="NR",route="",service="web",workload=""} 1',
    )
  })

  it('shows how many requests are not over', async () => {
    const { send, metrics } = await observed()
    const { response, request } = send()
    await response
    expect(metrics.expose()).toContain('selvage_requests_active{direction="outbound"} 1')
    request.end()
    expect(metrics.expose()).toContain('selvage_requests_active{direction="outbound"} 0')
  })

  it('shows that each policy was asked', async () => {
    const { send, receive, metrics } = await observed({ traceSamplePercent: 100 })
    for (const sent of [send(), send(), receive()]) {
      await sent.response
      sent.request.end()
    }
    expect(metrics.expose().split('\n')).toEqual(
      expect.arrayContaining([
        'selvage_routes_matched_total{route="default",service="payments"} 2',
        'selvage_retry_budget_earned_total{service="payments"} 2',
        'selvage_access_checks_total{service="web"} 1',
        'selvage_spans_sampled_total 3',
      ]),
    )
  })
})
