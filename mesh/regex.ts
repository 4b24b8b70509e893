/** Regular expressions: RE2 syntax, which matches in linear time whatever the pattern and the input are. */
import { RE2JS } from 're2js'

/** A pattern that was compiled once. Anchored at both ends. */
export interface Pattern {
  matches(text: string): boolean
}

const MAX_PATTERN_LENGTH = 1024

/** Instructions of the compiled program: its cost per character is bounded by them. Envoy warns at 100 by default. */
const MAX_PROGRAM_SIZE = 2000

/** Throws when the pattern is not RE2 syntax. */
export function compilePattern(regex: string, ignoreCase: boolean): Pattern {
  const compiled = RE2JS.compile(regex, RE2JS.DOTALL | (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0))
  return { matches: text => compiled.testExact(text) }
}

/** Why a pattern cannot be used; undefined when it can. */
export function patternProblem(regex: string): string | undefined {
  if (regex.length > MAX_PATTERN_LENGTH)
    return `found a pattern of ${regex.length} characters, expected at most ${MAX_PATTERN_LENGTH}`
  try {
    const size = RE2JS.compile(regex).programSize()
    if (size <= MAX_PROGRAM_SIZE) return undefined
    return `found a pattern that compiles to ${size} steps, expected at most ${MAX_PROGRAM_SIZE}: repeat less`
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return `expected a regular expression in RE2 syntax (no back-references, no look-around): ${detail}`
  }
}
