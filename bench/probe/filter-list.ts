/**
 * `node filter-list.ts <rounds>`: CPU microseconds that the outbound filter list adds to a request, once for each
 * round. Everything is real (routes, rotation, breaker, budget, metrics, tracing at 1 %) but the two ends: requests
 * are made here, and connections answer at once. What making and answering them costs by itself is taken off.
 */
import { EMPTY_BODY } from '../../proxy/body.ts'
import { systemClock, systemRandom } from '../../proxy/clock.ts'
import type { ClientConnection } from '../../proxy/codec/codec.ts'
import { tuneEngine } from '../../proxy/engine.ts'
import { type Arrival, serving } from '../../proxy/exchange.ts'
import { HeaderBlock } from '../../proxy/header-block.ts'
import type { OutgoingRequest, Request, Response } from '../../proxy/message.ts'
import { outbound } from '../../proxy/outbound.ts'
import { Routing } from '../../proxy/routing.ts'
import { AccessLog } from '../../proxy/telemetry/access-log.ts'
import { silentLog } from '../../proxy/telemetry/log.ts'
import { MetricsRegistry } from '../../proxy/telemetry/metrics.ts'
import { Tracer } from '../../proxy/telemetry/tracer.ts'
import { Apps } from '../../proxy/upstream/apps.ts'
import { Clusters } from '../../proxy/upstream/clusters.ts'
import type { Connector } from '../../proxy/upstream/connector.ts'
import { CALLED_WORKLOAD, CALLING_WORKLOAD, ROUTE_COUNT, requestPaths, SERVICE_PORT } from '../document.ts'
import { benchSnapshot } from '../snapshot.ts'
import { microsPerAsyncCall } from './micros-per-call.ts'

// As the proxy does.
tuneEngine()
const rounds = Number(process.argv[2])
const clock = systemClock
const random = systemRandom
const registry = new MetricsRegistry()

const answer: Response = {
  status: 200,
  headers: HeaderBlock.of([['x', 'y']]),
  body: EMPTY_BODY,
  edits: undefined,
}
/** What was sent last, so that its end can be told after the head, as a codec does. */
let sent: OutgoingRequest | undefined
const connection: ClientConnection = {
  capacity: 1,
  sent: 0,
  exhausted: false,
  send: request => {
    sent = request
    return Promise.resolve(answer)
  },
  drain: () => {},
  destroy: () => {},
}
const connector: Connector = {
  connect: () => Promise.resolve(connection),
  open: () => Promise.reject(new Error('the filter list opens no tunnels')),
}

const context = { connector, clock, random, metrics: registry, log: silentLog }
const apps = new Apps({ ...context, locate: port => ({ address: '127.0.0.1', port }) })
const routing = new Routing({ clusters: new Clusters(context), apps, random })
await routing.apply(
  benchSnapshot({
    topology: 'one-hop',
    workload: CALLING_WORKLOAD,
    routeCount: ROUTE_COUNT,
    appPort: 1,
    upstreamPort: 1,
  }),
)
const output = { pendingBytes: 0, write: () => {}, flush: async () => {} }
const handler = outbound({
  clock,
  random,
  routing,
  accessLog: new AccessLog(output, registry.counter('dropped', ''), clock.now),
  tracer: new Tracer({
    clock,
    random,
    sink: { write: () => {}, close: async () => {} },
    samplePercent: () => 1,
  }),
  registry,
  log: silentLog,
})

const arrival: Arrival = {
  direction: 'outbound',
  service: CALLED_WORKLOAD,
  port: SERVICE_PORT,
  source: CALLING_WORKLOAD,
  sourceId: undefined,
  meshPeer: false,
  tlsProtocol: undefined,
  remoteAddress: '127.0.0.1:1',
}
const headers = HeaderBlock.of([
  ['host', CALLED_WORKLOAD],
  ['user-agent', 'bench'],
  ['accept', '*/*'],
])

function newRequest(): Request {
  return {
    method: 'GET',
    scheme: 'http',
    authority: CALLED_WORKLOAD,
    path: requestPaths.small(ROUTE_COUNT),
    query: '',
    headers,
    body: EMPTY_BODY,
    expectsContinue: false,
    onAbort: undefined,
    onEnd: undefined,
    announceProcessing: () => undefined,
    sendInterim: () => {},
    bytesMoved: 0,
    complete: true,
  }
}

const end = { requestBytes: 0, responseBytes: 1024, failure: undefined, trailers: undefined }
const serve = serving(handler, clock, arrival)

const whole = await microsPerAsyncCall(rounds, async () => {
  const request = newRequest()
  const { status } = await serve(request)
  if (status !== 200) throw new Error(`expected 200, found ${status}`)
  sent?.onEnd(undefined)
  request.onEnd?.(end)
})
const bare = await microsPerAsyncCall(rounds, async () => {
  await Promise.resolve(newRequest())
})
process.stdout.write(JSON.stringify(whole.map((micros, round) => micros - (bare[round] as number))))
process.exit(0)
