/** String matchers, compiled to functions of a value that may be absent. */
import type { StringMatch } from './match.ts'
import { compilePattern } from './regex.ts'

export type StringTest = (value: string | undefined) => boolean

const NUMBER = /^[+-]?[0-9]+(?:\.[0-9]+)?$/

export function compileStringMatch(match: StringMatch): StringTest {
  if ('present' in match) return value => value !== undefined
  if ('absent' in match) return value => value === undefined
  if ('anyOf' in match) {
    const tests = match.anyOf.map(compileStringMatch)
    return value => tests.some(test => test(value))
  }
  if ('not' in match) {
    const test = compileStringMatch(match.not)
    return value => !test(value)
  }
  if ('range' in match) {
    const { from, to } = match.range
    return ofPresent(value => NUMBER.test(value) && Number(value) >= from && Number(value) < to)
  }
  return ofPresent(compileText(match))
}

type TextMatch = Extract<StringMatch, { readonly ignoreCase?: boolean }>

function compileText(match: TextMatch): (value: string) => boolean {
  const ignoreCase = match.ignoreCase === true
  if ('regex' in match) {
    const pattern = compilePattern(match.regex, ignoreCase)
    return value => pattern.matches(value)
  }
  const test = compilePlain(match, text => (ignoreCase ? text.toLowerCase() : text))
  return ignoreCase ? value => test(value.toLowerCase()) : test
}

function compilePlain(
  match: Exclude<TextMatch, { readonly regex: string }>,
  fold: (text: string) => string,
): (value: string) => boolean {
  if ('exact' in match) {
    const exact = fold(match.exact)
    return value => value === exact
  }
  if ('prefix' in match) {
    const prefix = fold(match.prefix)
    return value => value.startsWith(prefix)
  }
  if ('suffix' in match) {
    const suffix = fold(match.suffix)
    return value => value.endsWith(suffix)
  }
  const part = fold(match.contains)
  return value => value.includes(part)
}

const ofPresent =
  (test: (value: string) => boolean): StringTest =>
  value =>
    value !== undefined && test(value)

/** One line for people: `exact "beta"`, `not (regex "a.*" ignoring case)`. */
export function describeStringMatch(match: StringMatch): string {
  if ('present' in match) return 'present'
  if ('absent' in match) return 'absent'
  if ('anyOf' in match) return `any of (${match.anyOf.map(describeStringMatch).join(', ')})`
  if ('not' in match) return `not (${describeStringMatch(match.not)})`
  if ('range' in match) return `a number from ${match.range.from} to below ${match.range.to}`
  const { ignoreCase, ...rest } = match
  const [kind, text] = Object.entries(rest)[0] as [string, string]
  return `${kind} ${JSON.stringify(text)}${ignoreCase === true ? ' ignoring case' : ''}`
}
