/** Path matchers, compiled to functions of the normalised path. */
import type { PathMatch } from './match.ts'
import { compilePattern } from './regex.ts'
import { templateSegments } from './template.ts'

export function compilePathMatch(match: PathMatch): (path: string) => boolean {
  const ignoreCase = match.ignoreCase === true
  if ('regex' in match) {
    const pattern = compilePattern(match.regex, ignoreCase)
    return path => pattern.matches(path)
  }
  const test = compilePlain(match, text => (ignoreCase ? text.toLowerCase() : text))
  return ignoreCase ? path => test(path.toLowerCase()) : test
}

function compilePlain(
  match: Exclude<PathMatch, { readonly regex: string }>,
  fold: (text: string) => string,
): (path: string) => boolean {
  if ('exact' in match) {
    const exact = fold(match.exact)
    return path => path === exact
  }
  if ('startsWith' in match) {
    const start = fold(match.startsWith)
    return path => path.startsWith(start)
  }
  if ('prefix' in match) {
    const prefix = fold(trimmedPrefix(match.prefix))
    return path => path.startsWith(prefix) && endsSegment(path, prefix.length)
  }
  const segments = templateSegments(match.template).map(segment => segment && fold(segment))
  return path => matchesTemplate(path, segments)
}

/** Gateway API: `/abc` and `/abc/` are the same prefix; `/` is the empty one. */
export const trimmedPrefix = (prefix: string): string => (prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)

/** True when a segment of the path ends before this place: whole segments, as Gateway API's PathPrefix. */
export const endsSegment = (path: string, at: number): boolean =>
  at === path.length || path.charCodeAt(at) === 0x2f

function matchesTemplate(path: string, segments: readonly (string | undefined)[]): boolean {
  if (!path.startsWith('/')) return false
  const found = path.split('/')
  if (found.length !== segments.length + 1) return false
  return segments.every((segment, index) => {
    const text = found[index + 1]!
    return segment === undefined ? text !== '' : text === segment
  })
}

/** One line for people: `prefix "/charges"`. */
export function describePathMatch({ ignoreCase, ...rest }: PathMatch): string {
  const [kind, text] = Object.entries(rest)[0] as [string, string]
  return `${kind} ${JSON.stringify(text)}${ignoreCase === true ? ' ignoring case' : ''}`
}
