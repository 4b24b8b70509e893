/** zod's issues as violations: what was found, what was expected, and the nearest valid key or value. */
import type { z } from 'zod'
import { oneOfNames, suggestion } from './nearest.ts'
import { keysAt } from './schema-keys.ts'
import { type Path, quote } from './violation.ts'

/** A violation whose path is still a list of keys. */
export interface Finding {
  readonly path: Path
  readonly message: string
}

type Issue = z.core.$ZodIssue

/**
 * Findings of one document are cut here: nobody reads more, and wording each one with the name that is nearest would
 * let a document full of mistakes hold up whoever checks it.
 */
export const MAX_FINDINGS = 100

/**
 * Every issue, those in the branches of unions, too: of a union the branch that fits the value is reported. At most
 * `MAX_FINDINGS` and one.
 */
export function findingsOf(issues: readonly Issue[], value: unknown, schema: z.ZodType): Finding[] {
  const findings: Finding[] = []
  for (const issue of issues) {
    for (const finding of expand(issue, [], value, schema)) {
      findings.push(finding)
      if (findings.length > MAX_FINDINGS) return findings
    }
  }
  return findings
}

function expand(issue: Issue, above: Path, value: unknown, schema: z.ZodType): Finding[] {
  const path = [...above, ...issue.path]
  const found = valueAt(value, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, MAX_FINDINGS + 1).map(key => unknownKey(path, key, schema))
    case 'invalid_union':
      return ofUnion(issue, path, value, schema)
    case 'invalid_key':
      return [{ path, message: `found the name ${quote(path.at(-1))}, ${detail(issue.issues[0])}` }]
    default:
      return [{ path, message: describe(issue, found) }]
  }
}

function unknownKey(path: Path, key: string, schema: z.ZodType): Finding {
  const valid = keysAt(schema, path)
  const message = `found the unknown key ${quote(key)}, expected ${oneOfNames(valid)}${suggestion(key, valid)}`
  return { path: [...path, key], message }
}

function ofUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  value: unknown,
  schema: z.ZodType,
): Finding[] {
  const fitting = issue.errors.find(branch => branch.length > 0 && !branch.some(isMismatch))
  if (fitting !== undefined) {
    // An object with a misspelt key also lacks the right one; the misspelling says it all.
    const misspelt = fitting.some(inner => inner.code === 'unrecognized_keys' && inner.path.length === 0)
    const telling = misspelt
      ? fitting.filter(inner => inner.code !== 'custom' || inner.path.length > 0)
      : fitting
    return telling.flatMap(inner => expand(inner, path, value, schema))
  }
  const found = valueAt(value, path)
  const valid = [...new Set(issue.errors.flat().flatMap(expectations))]
  const names = issue.errors.flat().flatMap(allowedNames)
  const hint = typeof found === 'string' ? suggestion(found, names) : ''
  return [{ path, message: `found ${quote(found)}, expected ${valid.join(' or ')}${hint}` }]
}

/** The branch is for another kind of value. */
function isMismatch(issue: Issue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return issue.errors.every(branch => branch.some(isMismatch))
  return issue.code === 'invalid_type' || issue.code === 'invalid_value'
}

function expectations(issue: Issue): string[] {
  if (issue.code === 'invalid_union') return issue.errors.flat().flatMap(expectations)
  return issue.path.length === 0 ? [expected(issue)] : []
}

function allowedNames(issue: Issue): string[] {
  if (issue.code === 'invalid_union') return issue.errors.flat().flatMap(allowedNames)
  return issue.code === 'invalid_value' ? issue.values.filter(value => typeof value === 'string') : []
}

function describe(issue: Issue, found: unknown): string {
  if (issue.code === 'custom' && !issue.message.startsWith('expected')) return issue.message
  const hint =
    issue.code === 'invalid_value' && typeof found === 'string' ? suggestion(found, allowedNames(issue)) : ''
  return `found ${quote(found)}, expected ${expected(issue)}${hint}`
}

const detail = (issue: Issue | undefined): string =>
  issue === undefined ? 'expected another' : `expected ${expected(issue)}`

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' }

function expected(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      // A schema's own words, where it has some, say more than the type.
      if (issue.message.startsWith('expected ')) return issue.message.slice('expected '.length)
      return TYPE_WORDS[issue.expected] ?? issue.expected
    case 'invalid_value':
      return issue.values.map(quote).join(' or ')
    case 'too_small':
      return `at least ${issue.minimum}${UNITS[issue.origin] ?? ''}`
    case 'too_big':
      return `at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`
    default:
      return issue.message.replace(/^expected /, '')
  }
}

export function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Record<PropertyKey, unknown>)[key]
  }
  return at
}
