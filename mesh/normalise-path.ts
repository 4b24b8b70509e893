/**
 * Paths as match, access and forwarding see them. Normalised once, by the codec. The levels are Istio's
 * (`PathNormalization.NormalizationType`).
 *
 * A path here is ASCII or one character per byte, without query.
 */
import type { Normalise } from './snapshot.ts'

const SLASH = 0x2f
const BACKSLASH = 0x5c
const PERCENT = 0x25
const DOT = 0x2e
const HASH = 0x23

/** RFC 3986 2.3: percent-encoded or not, these mean the same. */
const UNRESERVED = /[A-Za-z0-9\-._~]/

/**
 * The path at a level; undefined when it must be refused: it holds a NUL, plain or encoded, at any level.
 *
 * - `none`: as it came.
 * - `base`: escapes of unreserved characters decoded, `\` is `/`, dot segments resolved (RFC 3986 5.2.4, so encoded
 *   ones, too), a fragment dropped.
 * - `merge-slashes`: and then runs of `/` are one.
 * - `decode-and-merge-slashes`: with `%2F` and `%5C` decoded first.
 */
export function normalisePath(path: string, level: Normalise): string | undefined {
  const signs = scan(path)
  if (signs & NUL) return undefined
  if (level === 'none' || !(signs & (DOTS | ESCAPES | BACKSLASHES | DOUBLE_SLASHES | FRAGMENT))) return path
  let text = signs & FRAGMENT ? path.slice(0, path.indexOf('#')) : path
  if (signs & ESCAPES) text = decodeUnreserved(text, level === 'decode-and-merge-slashes')
  if (text.includes('\\')) text = text.replaceAll('\\', '/')
  if (text.includes('/.')) text = resolveDots(text)
  if (level !== 'base') text = text.replace(/\/{2,}/g, '/')
  return text
}

/**
 * The path as an app might see it that decodes until nothing is left to decode, reads `\` as `/`, merges slashes and
 * resolves dot segments last, those with path parameters, too. Access rules must hold for it, too. Undefined when it has none: it holds a NUL.
 */
export function decodedPath(path: string): string | undefined {
  const signs = scan(path)
  if (!(signs & (DOTS | ESCAPES | BACKSLASHES | DOUBLE_SLASHES | NUL))) return path
  const text = (signs & ESCAPES ? decodeFully(path) : path).replaceAll('\\', '/').replace(/\/{2,}/g, '/')
  if (text.includes('\0')) return undefined
  return text.includes('/.') ? resolveDots(text.replace(PARAMETERS_OF_DOTS, '$1')) : text
}

/** Servlet containers drop path parameters before they resolve dot segments: `/..;x/` is `/../` there. */
const PARAMETERS_OF_DOTS = /(?<=\/)(\.\.?);[^/]*/g

const DOTS = 1
const ESCAPES = 2
const BACKSLASHES = 4
const DOUBLE_SLASHES = 8
const FRAGMENT = 16
const NUL = 32

/** What there is to do, in one pass: for nearly all paths that is nothing. */
function scan(path: string): number {
  let signs = 0
  let before = 0
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index)
    if (code === DOT && before === SLASH) signs |= DOTS
    else if (code === SLASH && before === SLASH) signs |= DOUBLE_SLASHES
    else if (code === PERCENT) signs |= path.startsWith('00', index + 1) ? ESCAPES | NUL : ESCAPES
    else if (code === BACKSLASH) signs |= BACKSLASHES
    else if (code === HASH) signs |= FRAGMENT
    else if (code === 0) signs |= NUL
    before = code
  }
  return signs
}

/** One pass over the text, so that what is decoded is not decoded again. */
function decodeUnreserved(text: string, slashes: boolean): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (encoded, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    if (UNRESERVED.test(character)) return character
    return slashes && (character === '/' || character === '\\') ? '/' : encoded
  })
}

/** RFC 3986 5.2.4 on a path that begins with `/`: `.` and `..` go, and nothing goes above the root. */
function resolveDots(path: string): string {
  const segments = path.split('/')
  const kept: string[] = []
  for (const [index, segment] of segments.entries()) {
    const dots = segment === '.' || segment === '..'
    if (segment === '..' && kept.length > 1) kept.pop()
    if (!dots) kept.push(segment)
    else if (index === segments.length - 1) kept.push('')
  }
  return kept.join('/')
}

/**
 * Decodes what decoding brings up, in linear time: each character is put on a stack, and an escape that it completes
 * there is replaced at once. Overlong UTF-8 of ASCII characters, which careless decoders accept, counts as an escape.
 */
function decodeFully(path: string): string {
  const stack: number[] = []
  for (let index = 0; index < path.length; index++) {
    stack.push(path.charCodeAt(index))
    while (reduceEscape(stack) || reduceOverlong(stack));
  }
  let text = ''
  for (const code of stack) text += String.fromCharCode(code)
  return text
}

function reduceEscape(stack: number[]): boolean {
  const at = stack.length - 3
  if (at < 0 || stack[at] !== PERCENT) return false
  const [high, low] = [hexDigit(stack[at + 1]!), hexDigit(stack[at + 2]!)]
  if (high === -1 || low === -1) return false
  stack.length = at
  stack.push(high * 16 + low)
  return true
}

/** `C0 AF`, `E0 80 AF` and `F0 80 80 AF` are overlong forms of `/` (RFC 3629 10). */
function reduceOverlong(stack: number[]): boolean {
  const [last, before, first, zeroth] = [stack.at(-1)!, stack.at(-2), stack.at(-3), stack.at(-4)]
  if (last < 0x80 || last > 0xbf) return false
  if (before === 0xc0 || before === 0xc1) return replaceTop(stack, 2, ((before & 1) << 6) | (last & 0x3f))
  if (before !== 0x80 && before !== 0x81) return false
  const length = first === 0xe0 ? 3 : first === 0x80 && zeroth === 0xf0 ? 4 : undefined
  return length !== undefined && replaceTop(stack, length, ((before & 1) << 6) | (last & 0x3f))
}

function replaceTop(stack: number[], count: number, code: number): true {
  stack.length -= count
  stack.push(code)
  return true
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
