/** A sidecar without sockets: real filters, routing and upstream state over fake connections. */
import type { Snapshot } from '../../../mesh/snapshot.ts'
import type { Arrival, Exchange, Handler } from '../../../proxy/exchange.ts'
import { type InboundDependencies, inbound } from '../../../proxy/inbound.ts'
import type { Response } from '../../../proxy/message.ts'
import { type OutboundDependencies, outbound } from '../../../proxy/outbound.ts'
import { Routing } from '../../../proxy/routing.ts'
import { AccessLog } from '../../../proxy/telemetry/access-log.ts'
import type { Log, LogFields } from '../../../proxy/telemetry/log.ts'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import type { FinishedSpan } from '../../../proxy/telemetry/span-sink.ts'
import { Tracer } from '../../../proxy/telemetry/tracer.ts'
import { Apps } from '../../../proxy/upstream/apps.ts'
import { Clusters } from '../../../proxy/upstream/clusters.ts'
import { settled } from '../../../testing/clock.ts'
import { snapshotOf } from '../snapshots.ts'
import { fakeUpstream } from '../upstream/fake-upstream.ts'
import { exchangeOf, FROM_PEER, OUTBOUND, type RequestParts } from './fake-request.ts'

/** An exchange under way. */
export interface Sent {
  readonly exchange: Exchange
  readonly request: ReturnType<typeof exchangeOf>['request']
  readonly response: Promise<Response>
}

type Its = OutboundDependencies & InboundDependencies

export async function fakeSidecar(snapshot: Snapshot = snapshotOf({}), seed = 1) {
  const upstream = fakeUpstream(seed)
  const logged: LogFields[] = []
  const note = (fields: LogFields): void => void logged.push(fields)
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const clusters = new Clusters({ ...upstream, log })
  const locate = (port: number) => ({ address: '127.0.0.1', port })
  const apps = new Apps({ ...upstream, log, locate })
  const routing = new Routing({ clusters, apps, random: upstream.random })
  await routing.apply(snapshot)

  const lines: string[] = []
  const output = { pendingBytes: 0, write: (line: string) => void lines.push(line), flush: async () => {} }
  const spans: FinishedSpan[] = []
  const tracer = new Tracer({
    clock: upstream.clock,
    random: upstream.random,
    sink: { write: span => void spans.push(span), close: async () => {} },
    samplePercent: () => snapshot.config.telemetry.traceSamplePercent,
  })
  const its: Its = {
    clock: upstream.clock,
    random: upstream.random,
    routing,
    ownId: () => 'spiffe://shop/workload/web',
    accessLog: new AccessLog(output, new Counter(), () => upstream.clock.now()),
    tracer,
    registry: upstream.metrics,
    log,
  }
  its.accessLog.wanted = snapshot.config.telemetry.accessLog !== 'off'

  const sendTo = (handler: Handler<Exchange>, arrival: Arrival, parts: RequestParts): Sent => {
    const { exchange, request } = exchangeOf(upstream.clock, parts, arrival)
    return { exchange, request, response: handler(exchange) }
  }
  const out = outbound(its)
  const into = inbound(its)
  return {
    ...upstream,
    its,
    clusters,
    routing,
    logged,
    lines,
    spans,
    cluster: () => clusters.get('payments')!,
    /** From the app. */
    send: (parts: RequestParts = {}, arrival: Partial<Arrival> = {}) =>
      sendTo(out, { ...OUTBOUND, ...arrival }, parts),
    /** From a peer's sidecar. */
    receive: (parts: RequestParts = {}, arrival: Partial<Arrival> = {}) =>
      sendTo(into, { ...FROM_PEER, ...arrival }, parts),
    sendTo,
    settled,
  }
}
