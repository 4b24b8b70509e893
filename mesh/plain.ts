/**
 * Values that may come from anywhere (a YAML file with anchors, a program) as fresh plain data: objects, lists,
 * strings, numbers, booleans and null, without cycles and not too deep for the checks that follow.
 */
import { type Finding, MAX_FINDINGS } from './issue.ts'
import type { Path } from './violation.ts'

const MAX_DEPTH = 40
const MAX_VALUES = 2_000_000

interface Walk {
  readonly findings: Finding[]
  readonly above: Set<object>
  values: number
}

/** A copy without what is no plain data, and a finding for each such place. Members that are undefined are dropped. */
export function plainCopy(value: unknown): { readonly copy: unknown; readonly findings: readonly Finding[] } {
  const walk: Walk = { findings: [], above: new Set(), values: 0 }
  return { copy: copyOf(value, [], walk), findings: walk.findings }
}

function copyOf(value: unknown, path: Path, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) return scalar(value, path, walk)
  const problem = objectProblem(value, path, walk)
  if (problem !== undefined) {
    return refuse(path, problem, walk)
  }
  walk.above.add(value)
  const copy = Array.isArray(value)
    ? value.map((element, index) => copyOf(element, [...path, index], walk) ?? null)
    : copyMembers(value, path, walk)
  walk.above.delete(value)
  return copy
}

function copyMembers(value: object, path: Path, walk: Walk): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') {
      refuse([...path, key], 'found the key "__proto__", expected another name', walk)
      continue
    }
    const copied = copyOf(member, [...path, key], walk)
    if (copied !== undefined) copy[key] = copied
  }
  return copy
}

function objectProblem(value: object, path: Path, walk: Walk): string | undefined {
  walk.values++
  if (walk.above.has(value)) return 'found a value that contains itself, expected plain data without cycles'
  if (path.length >= MAX_DEPTH) return `found values nested more than ${MAX_DEPTH} deep`
  if (walk.values > MAX_VALUES) return `found more than ${MAX_VALUES} values`
  if (Array.isArray(value)) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null)
    return undefined
  return `found a ${value.constructor?.name ?? 'strange object'}, expected plain data`
}

function refuse(path: Path, message: string, { findings }: Walk): undefined {
  if (findings.length <= MAX_FINDINGS) findings.push({ path, message })
}

function scalar(value: unknown, path: Path, walk: Walk): unknown {
  walk.values++
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    return refuse(path, `found a ${typeof value}, expected plain data`, walk)
  }
  return value
}
