/**
 * The thread that owns the OpenTelemetry SDK: it is large and slow to load, and what it does with a span must
 * not delay a request. It makes SDK spans out of finished ones, with the ids that they already have.
 */
import { parentPort } from 'node:worker_threads'
import {
  context,
  createTraceState,
  DiagLogLevel,
  diag,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { FinishedSpan } from './span-sink.ts'

/** What the request thread sends. */
export type ToSpanWorker = { readonly spans: readonly FinishedSpan[] } | 'close'
/** What it hears back: how many spans were taken over, or what went wrong on the way to the collector. */
export type FromSpanWorker = { readonly taken: number } | { readonly problem: string }

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const
/** `RECORD_AND_SAMPLED`: whether to record was decided when the request came. */
const RECORD = { decision: 2 }

const port = parentPort
if (port === null) throw new Error('span-worker runs as a worker thread only')
const send = (message: FromSpanWorker) => port.postMessage(message)

const report = (message: string, ...details: unknown[]) =>
  send({ problem: [message, ...details].join(' ').slice(0, 500) })
const quiet = () => {}
diag.setLogger(
  { error: report, warn: report, info: quiet, debug: quiet, verbose: quiet },
  { logLevel: DiagLogLevel.WARN },
)

let ids = { traceId: '', spanId: '' }
const sdk = new NodeSDK({
  idGenerator: { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId },
  sampler: { shouldSample: () => RECORD, toString: () => 'decided by the tracer' },
})
sdk.start()
const tracer = trace.getTracer('selvage')

port.on('message', (message: ToSpanWorker) => {
  if (message === 'close') {
    void sdk.shutdown().finally(() => port.close())
    return
  }
  for (const span of message.spans) record(span)
  send({ taken: message.spans.length })
})

function record(finished: FinishedSpan): void {
  ids = finished
  const span = tracer.startSpan(
    finished.name,
    { kind: KINDS[finished.kind], startTime: finished.startEpochMs, attributes: finished.attributes },
    parentOf(finished),
  )
  if (finished.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: finished.error })
  span.end(finished.endEpochMs)
}

function parentOf({ traceId, parentId, tracestate }: FinishedSpan) {
  if (parentId === '') return context.active()
  return trace.setSpanContext(context.active(), {
    traceId,
    spanId: parentId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === '' ? {} : { traceState: createTraceState(tracestate) }),
  })
}
