/**
 * Whether a request is recorded, and what its caller and its callee are told about that. A caller's decision is
 * kept; a request without one is drawn. A request that is not recorded costs no more than its header edit, and
 * none at all when it came with a `traceparent`: that is passed on as it is.
 */
import type { Clock, Random } from '../../mesh/clock.ts'
import type { HeaderBlock, HeaderEdits } from '../header-block.ts'
import type { FinishedSpan, SpanAttributes, SpanKind, SpanSink } from './span-sink.ts'
import {
  formatTraceParent,
  isSampled,
  isTraceParent,
  isTraceState,
  parseTraceParent,
  TraceIds,
} from './trace-context.ts'

const SAMPLED = 1

export interface TracerOptions {
  readonly clock: Clock
  readonly random: Random
  /** Undefined: nobody collects spans, and requests pass with whatever context they have. */
  readonly sink: SpanSink | undefined
  /** Share of the requests without a decision of their own that are recorded, 0–100; asked for each of them. */
  readonly samplePercent: () => number
}

/** A recorded request that is still running. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** Adds to the attributes; a later value of the same name wins. */
  set(attributes: SpanAttributes): void
  /** Hands the span to the sink; `error` is the reason if it failed. */
  end(error: string | undefined): void
}

export class Tracer {
  private readonly options: TracerOptions
  private readonly ids: TraceIds

  constructor(options: TracerOptions) {
    this.options = options
    this.ids = new TraceIds(options.random)
  }

  /**
   * Looks at the request's trace context and edits it for the way out. `edit` is called only if there is
   * something to change. Returns undefined for a request that is not recorded.
   */
  start(name: string, kind: SpanKind, headers: HeaderBlock, edit: () => HeaderEdits): Span | undefined {
    const { sink } = this.options
    if (sink === undefined) return undefined
    const traceparent = headers.get('traceparent')
    const known = traceparent !== undefined && isTraceParent(traceparent)
    const tracestate = headers.get('tracestate')
    // A tracestate without a readable traceparent belongs to a trace that nobody knows (3.3).
    const keepState = known && tracestate !== undefined && isTraceState(tracestate)
    if (tracestate !== undefined && !keepState) edit().remove('tracestate')
    if (known) {
      if (!isSampled(traceparent)) return undefined
      const { traceId, parentId, flags } = parseTraceParent(traceparent)
      const state = keepState ? tracestate : ''
      return this.record({ name, kind, traceId, parentId, flags, tracestate: state }, sink, edit)
    }
    if (this.options.random.next() * 100 >= this.options.samplePercent()) {
      edit().set('traceparent', this.ids.unrecorded())
      return undefined
    }
    const traceId = this.ids.traceId()
    return this.record({ name, kind, traceId, parentId: '', flags: SAMPLED, tracestate: '' }, sink, edit)
  }

  private record(origin: Origin, sink: SpanSink, edit: () => HeaderEdits): Span {
    const { clock } = this.options
    const spanId = this.ids.spanId()
    const { traceId, flags } = origin
    edit().set('traceparent', formatTraceParent({ traceId, parentId: spanId, flags }))
    const startEpochMs = clock.now()
    const startMs = clock.monotonic()
    const attributes: Record<string, string | number> = {}
    return {
      traceId,
      spanId,
      set: more => {
        Object.assign(attributes, more)
      },
      end: error => {
        const endEpochMs = startEpochMs + (clock.monotonic() - startMs)
        const { name, kind, parentId, tracestate } = origin
        const span: FinishedSpan = {
          name,
          kind,
          traceId,
          spanId,
          parentId,
          tracestate,
          startEpochMs,
          endEpochMs,
          attributes,
          error,
        }
        sink.write(span)
      },
    }
  }
}

interface Origin {
  readonly name: string
  readonly kind: SpanKind
  readonly traceId: string
  /** Empty: the trace begins here. */
  readonly parentId: string
  readonly flags: number
  readonly tracestate: string
}
