/** Where finished spans go. They are plain values: they cross to the thread that exports them. */

export type SpanKind = 'server' | 'client'

/** Names of OpenTelemetry's semantic conventions where there is one, `selvage.*` otherwise. */
export type SpanAttributes = Readonly<Record<string, string | number>>

export interface FinishedSpan {
  readonly name: string
  readonly kind: SpanKind
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** Empty: the trace begins here. */
  readonly parentId: string
  readonly tracestate: string
  /** Milliseconds since the epoch, with fractions. */
  readonly startEpochMs: number
  readonly endEpochMs: number
  readonly attributes: SpanAttributes
  /** One sentence, when it failed. */
  readonly error: string | undefined
}

export interface SpanSink {
  /** Takes a span and returns at once; one that cannot be kept is dropped and counted. */
  write(span: FinishedSpan): void
  /** Sends what is waiting and lets go of everything. */
  close(): Promise<void>
}
