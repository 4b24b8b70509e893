import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import { HeaderBlock, HeaderEdits } from '../../../proxy/header-block.ts'
import type { FinishedSpan } from '../../../proxy/telemetry/span-sink.ts'
import { isTraceParent, isTraceState } from '../../../proxy/telemetry/trace-context.ts'
import { Tracer } from '../../../proxy/telemetry/tracer.ts'

const TRACE = '12345678901234567890123456789012'
const PARENT = '1234567890123456'

/** What goes out for a request that came with these fields. */
function send(fields: readonly (readonly [string, string])[], samplePercent = 0, dice = 0.5) {
  const spans: FinishedSpan[] = []
  const tracer = new Tracer({
    clock: systemClock,
    random: { next: () => dice },
    sink: { write: span => spans.push(span), close: async () => {} },
    samplePercent: () => samplePercent,
  })
  const headers = HeaderBlock.of(fields)
  let edits: HeaderEdits | undefined
  const span = tracer.start('GET web', 'client', headers, () => (edits ??= new HeaderEdits()))
  const out = (name: string) => {
    const edited = edits?.get(name)
    if (edited !== undefined) return edited
    const kept = [...Array(headers.count).keys()].filter(
      field => headers.isNamed(field, name) && edits?.drops(headers, field) !== true,
    )
    return kept.length === 0 ? undefined : kept.map(field => headers.valueAt(field)).join(', ')
  }
  return { span, spans, edits, traceparent: out('traceparent'), tracestate: out('tracestate') }
}

describe('Tracer', () => {
  test('edits nothing and records nothing when the caller decided against recording', () => {
    const { span, edits } = send([
      ['traceparent', `00-${TRACE}-${PARENT}-00`],
      ['tracestate', 'vendor=1'],
    ])
    expect(span).toBeUndefined()
    expect(edits).toBeUndefined()
  })

  test('records when the caller does, in the same trace, and becomes the parent of what follows', () => {
    const { span, spans, traceparent } = send([['traceparent', `00-${TRACE}-${PARENT}-01`]])
    expect(traceparent).toBe(`00-${TRACE}-${span?.spanId}-01`)
    span?.set({ 'http.response.status_code': 200 })
    span?.end(undefined)
    expect(spans).toEqual([
      expect.objectContaining({
        traceId: TRACE,
        parentId: PARENT,
        spanId: span?.spanId,
        kind: 'client',
        error: undefined,
      }),
    ])
  })

  test('draws for a request without a decision, and tells the next hop either way', () => {
    const recorded = send([], 60, 0.5)
    expect(recorded.traceparent).toBe(`00-${recorded.span?.traceId}-${recorded.span?.spanId}-01`)
    const unrecorded = send([], 40, 0.5)
    expect(unrecorded.span).toBeUndefined()
    expect(unrecorded.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  })

  test('never makes an id of zeros, whatever the dice say', () => {
    expect(isTraceParent(send([], 0, 0).traceparent ?? '')).toBe(true)
    expect(isTraceParent(send([], 100, 0).traceparent ?? '')).toBe(true)
  })

  test('touches nothing when nobody collects spans', () => {
    const tracer = new Tracer({
      clock: systemClock,
      random: { next: () => 0 },
      sink: undefined,
      samplePercent: () => 100,
    })
    const edit = () => {
      throw new Error('edited')
    }
    const headers = HeaderBlock.of([['traceparent', `00-${TRACE}-${PARENT}-01`]])
    expect(tracer.start('GET', 'client', headers, edit)).toBeUndefined()
  })

  test('drops a tracestate that has no readable traceparent', () => {
    expect(send([['tracestate', 'vendor=1']]).tracestate).toBeUndefined()
  })

  test('begins a new trace when traceparent comes twice', () => {
    const field = ['traceparent', `00-${TRACE}-${PARENT}-01`] as const
    const { traceparent } = send([field, field])
    expect(isTraceParent(traceparent ?? '')).toBe(true)
    expect(traceparent).not.toContain(TRACE)
  })
})

describe('isTraceParent', () => {
  test('takes a later version with more to it, and no version ff', () => {
    expect(isTraceParent(`01-${TRACE}-${PARENT}-01-more`)).toBe(true)
    expect(isTraceParent(`01-${TRACE}-${PARENT}-01more`)).toBe(false)
    expect(isTraceParent(`00-${TRACE}-${PARENT}-01-more`)).toBe(false)
    expect(isTraceParent(`ff-${TRACE}-${PARENT}-01`)).toBe(false)
  })
})

describe('isTraceState', () => {
  test('takes up to 32 members, empty ones left out, and refuses the whole for one bad member', () => {
    const members = Array.from({ length: 32 }, (_, i) => `k${i}=v`)
    expect(isTraceState(members.join(','))).toBe(true)
    expect(isTraceState([...members, 'one=more'].join(','))).toBe(false)
    expect(isTraceState('a=1, ,b=2\t')).toBe(true)
    expect(isTraceState('a=1,B=2')).toBe(false)
    expect(isTraceState(' , ')).toBe(false)
  })
})
