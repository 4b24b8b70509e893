/**
 * W3C trace-context cases. The cases state what an originating service must do; where a request comes unsampled
 * we pass its context on untouched, which 3.4 allows, so "a new parent id" is asked of sampled requests only.
 */
import { expect, test } from 'vitest'
import { systemClock, systemRandom } from '../../proxy/clock.ts'
import { HeaderBlock, HeaderEdits } from '../../proxy/header-block.ts'
import { isSampled, isTraceParent, parseTraceParent } from '../../proxy/telemetry/trace-context.ts'
import { Tracer } from '../../proxy/telemetry/tracer.ts'
import { describeCases } from '../support/cases.ts'

interface Expectation {
  readonly check: string
  readonly target: string
  readonly value?: string | number
  readonly values?: readonly string[]
  readonly key?: string
  readonly mask?: number
  readonly before?: string
  readonly after?: string
}
interface Case {
  readonly name: string
  readonly steps: readonly {
    readonly headers: readonly (readonly [string, string])[]
    readonly callbacks?: number
    readonly expect: readonly Expectation[]
  }[]
}
interface Outgoing {
  readonly traceparents: readonly string[]
  readonly tracestate: string
}

function forward(fields: readonly (readonly [string, string])[]): Outgoing {
  const headers = HeaderBlock.of(fields)
  const edits = new HeaderEdits()
  const tracer = new Tracer({
    clock: systemClock,
    random: systemRandom,
    sink: { write() {}, close: async () => {} },
    samplePercent: () => 50,
  })
  tracer.start('GET web', 'client', headers, () => edits)
  const kept = (name: string) =>
    [...Array(headers.count).keys()]
      .filter(field => headers.isNamed(field, name) && !edits.drops(headers, field))
      .map(field => headers.valueAt(field))
  const added: [string, string][] = []
  edits.forEachAdded((name, value) => added.push([name, value]))
  const out = (name: string) => [...kept(name), ...added.flatMap(([n, value]) => (n === name ? [value] : []))]
  return { traceparents: out('traceparent'), tracestate: out('tracestate').join(',') }
}

const membersOf = (tracestate: string): [string, string][] =>
  tracestate
    .split(',')
    .map(member => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter(member => member !== '')
    .map(member => [member.slice(0, member.indexOf('=')), member.slice(member.indexOf('=') + 1)])

function targetOf(target: string, calls: readonly Outgoing[]): unknown {
  const parents = calls.map(({ traceparents }) => parseTraceParent(traceparents[0] as string))
  const first = parents[0]
  const targets: Record<string, () => unknown> = {
    'traceparent.trace_id': () => first?.traceId,
    'traceparent.parent_id': () => first?.parentId,
    'traceparent.trace_flags': () => first?.flags,
    'number of distinct trace_id over callbacks': () => new Set(parents.map(({ traceId }) => traceId)).size,
    'set of trace_id over callbacks': () => parents.map(({ traceId }) => traceId),
    'number of distinct parent_id over callbacks': () =>
      new Set(parents.map(({ parentId }) => parentId)).size,
    tracestate: () => calls[0]?.tracestate,
    'count(tracestate)': () => membersOf(calls[0]?.tracestate ?? '').length,
  }
  const read = targets[target]
  if (read === undefined) throw new Error(`unknown target "${target}"`)
  return read()
}

const CHECKS: Readonly<Record<string, (found: unknown, expected: Expectation) => void>> = {
  equals: (found, { value }) => expect(found).toBe(value),
  'not-equals': (found, { value }) => expect(found).not.toBe(value),
  includes: (found, { value }) => expect(found).toContain(value),
  'bit-set': (found, { mask }) => expect((found as number) & (mask as number)).toBe(mask),
  'has-member': (found, { key }) => expect(membersOf(found as string).map(([k]) => k)).toContain(key),
  'absent-member': (found, { key }) => expect(membersOf(found as string).map(([k]) => k)).not.toContain(key),
  'member-equals': (found, { key, value }) =>
    expect(
      membersOf(found as string)
        .find(([k]) => k === key)?.[1]
        .trim(),
    ).toBe(String(value).trim()),
  'header-contains-any': (found, { values }) =>
    expect(values?.some(value => (found as string).includes(value))).toBe(true),
  order: (found, { before, after }) =>
    expect((found as string).indexOf(before as string)).toBeLessThan(
      (found as string).indexOf(after as string),
    ),
}

describeCases('trace-context', 'W3C trace-context', read => {
  for (const { name, steps } of read('cases.json') as Case[]) {
    test.for(steps.map((step, i) => [i, step] as const))(`${name}, step %i`, ([, step]) => {
      const calls = Array.from({ length: step.callbacks ?? 1 }, () => forward(step.headers))
      for (const { traceparents } of calls) {
        expect(traceparents).toHaveLength(1)
        expect(isTraceParent(traceparents[0] as string)).toBe(true)
      }
      const passedOn = step.headers.some(
        ([field, value]) =>
          field.toLowerCase() === 'traceparent' && isTraceParent(value) && !isSampled(value),
      )
      for (const expected of step.expect) {
        if (passedOn && expected.target === 'traceparent.parent_id') continue
        const check = CHECKS[expected.check]
        if (check === undefined) throw new Error(`unknown check "${expected.check}"`)
        check(targetOf(expected.target, calls), expected)
      }
    })
  }
})
