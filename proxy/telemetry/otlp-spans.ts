/** Spans to an OTLP collector, through a worker thread that is started with the first of them. */
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../mesh/clock.ts'
import type { Log } from './log.ts'
import type { Counter, MetricsRegistry } from './metrics.ts'
import type { FinishedSpan, SpanSink } from './span-sink.ts'
import type { FromSpanWorker, ToSpanWorker } from './span-worker.ts'

/** Spans travel to the worker together: one message costs as much as twenty spans. */
const BATCH = 64
const MAX_WAIT_MS = 500
/** Spans that the worker has not taken yet; beyond this they are dropped and counted. */
const MAX_PENDING = 4096
const CLOSE_TIMEOUT_MS = 3000
/** A collector that is away fails every few seconds; once in this time is enough to say so. */
const REPORT_EVERY_MS = 60_000

export interface OtlpOptions {
  /** Of traces, complete. */
  readonly url: URL
  /** `service.name` unless the environment gives one. */
  readonly serviceName: string
  readonly clock: Clock
  readonly log: Log
  readonly dropped: Counter
}

export class OtlpSpans implements SpanSink {
  private readonly options: OtlpOptions
  private worker: Worker | undefined
  private batch: FinishedSpan[] = []
  private pending = 0
  private timer: Timer | undefined
  private reportedMs = Number.NEGATIVE_INFINITY
  private closed = false

  constructor(options: OtlpOptions) {
    this.options = options
  }

  write(span: FinishedSpan): void {
    if (this.closed || this.pending >= MAX_PENDING) {
      this.options.dropped.inc()
      return
    }
    this.pending++
    this.batch.push(span)
    if (this.batch.length >= BATCH) this.post()
    else this.timer ??= this.options.clock.after(MAX_WAIT_MS, () => this.post())
  }

  /** Waits until the collector has what was written, but not for ever; what it leaves is counted and said. */
  async close(): Promise<void> {
    if (this.batch.length > 0) this.post()
    this.closed = true
    const { worker } = this
    if (worker === undefined) return
    const gone = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    this.send('close')
    let late = false
    const timer = this.options.clock.after(CLOSE_TIMEOUT_MS, () => {
      late = true
      void worker.terminate()
    })
    await gone
    timer.cancel()
    if (late) this.lost(`not all were exported within ${CLOSE_TIMEOUT_MS / 1000} s of the end`)
  }

  private post(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.send({ spans: this.batch })
    this.batch = []
  }

  private send(message: ToSpanWorker): void {
    this.worker ??= this.start()
    this.worker.postMessage(message)
  }

  private start(): Worker {
    const { url, serviceName } = this.options
    // The built package holds the same file as JavaScript.
    const file = new URL(
      import.meta.url.endsWith('.ts') ? './span-worker.ts' : './span-worker.js',
      import.meta.url,
    )
    const worker = new Worker(file, {
      env: {
        OTEL_SERVICE_NAME: serviceName,
        OTEL_NODE_RESOURCE_DETECTORS: 'env',
        ...process.env,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url.href,
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      },
    })
    worker.unref()
    worker.on('message', (message: FromSpanWorker) => this.heard(message))
    worker.on('error', error => this.lost(String(error)))
    return worker
  }

  private heard(message: FromSpanWorker): void {
    if ('taken' in message) this.pending -= message.taken
    else this.complain(message.problem)
  }

  /** The worker died: what it held is lost, and the next span starts another one. */
  private lost(reason: string): void {
    this.options.dropped.inc(this.pending - this.batch.length)
    this.pending = this.batch.length
    this.worker = undefined
    this.complain(reason)
  }

  private complain(reason: string): void {
    const now = this.options.clock.monotonic()
    if (now - this.reportedMs < REPORT_EVERY_MS) return
    this.reportedMs = now
    const { url, log } = this.options
    log.warn(
      { event: 'span-export-failed', url: url.href, reason },
      `spans do not reach ${url.host}: ${reason}`,
    )
  }
}

/** Undefined without a URL: then nobody collects spans. */
export function spanSinkOf(
  { url, ...options }: Omit<OtlpOptions, 'url' | 'dropped'> & { readonly url: URL | undefined },
  registry: MetricsRegistry,
): SpanSink | undefined {
  if (url === undefined) return undefined
  const help = 'Spans that could not be handed to the exporter.'
  return new OtlpSpans({ ...options, url, dropped: registry.counter('selvage_spans_dropped_total', help) })
}
