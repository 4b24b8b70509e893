/**
 * What the fields of one message say about the message itself: how long its body is, whether the connection goes on,
 * and which fields stay behind. Collected while the header section is read.
 */
import { Failure } from '../../failure.ts'
import { FieldKind } from '../../field-kind.ts'
import { SPACE, TAB, TOKEN } from './characters.ts'

/** Most options in Connection fields: each is compared with each field. */
const MAX_CONNECTION_OPTIONS = 32

/** 15 digits: every such number is exact in a double. */
const MAX_LENGTH_DIGITS = 15

export class MessageFields {
  /** -1 when there is none. */
  contentLength = -1
  /** All Transfer-Encoding fields, joined; undefined when there is none. */
  transferEncoding: string | undefined = undefined
  close = false
  keepAlive = false
  /** What Connection fields name besides `close` and `keep-alive`, in lower case. */
  options: string[] | undefined = undefined
  hostCount = 0
  /** Where the value of Host lies in the head. */
  hostStart = 0
  hostEnd = 0
  expect: 'nothing' | 'continue' | 'something-else' = 'nothing'
  /** The sender wants trailers (`TE: trailers`). */
  wantsTrailers = false

  reset(): void {
    this.contentLength = -1
    this.transferEncoding = undefined
    this.close = false
    this.keepAlive = false
    this.options = undefined
    this.hostCount = 0
    this.expect = 'nothing'
    this.wantsTrailers = false
  }

  /** Takes in a field that is not plain; its value is `bytes[start, end)`, blanks included, of a head at `base`. */
  note(kind: FieldKind, bytes: Buffer, base: number, start: number, end: number): Failure | undefined {
    let from = start
    let to = end
    while (from < to && isBlank(bytes[from]!)) from++
    while (to > from && isBlank(bytes[to - 1]!)) to--
    switch (kind) {
      case FieldKind.HOST:
        this.hostCount++
        this.hostStart = from - base
        this.hostEnd = to - base
        return undefined
      case FieldKind.CONTENT_LENGTH:
        return this.noteLength(bytes, from, to)
      case FieldKind.CONNECTION:
        return this.noteConnection(bytes, from, to)
      case FieldKind.TRANSFER_ENCODING:
        this.noteTransferEncoding(bytes.latin1Slice(from, to))
        return undefined
      case FieldKind.EXPECT:
        this.noteExpect(bytes.latin1Slice(from, to))
        return undefined
      case FieldKind.TE:
        this.wantsTrailers ||= listed(bytes.latin1Slice(from, to)).includes('trailers')
        return undefined
      case FieldKind.LOOKALIKE:
        return new Failure('bad-request', 'a field name differs from a framing field only by an underscore')
      default:
        return undefined
    }
  }

  /** RFC 9110 8.6: digits, once. A list of equal values would be allowed to us; nobody sends one who means well. */
  private noteLength(bytes: Buffer, start: number, end: number): Failure | undefined {
    if (this.contentLength !== -1) return new Failure('bad-request', 'there is more than one Content-Length')
    if (start === end) return new Failure('bad-request', 'Content-Length is empty')
    if (end - start > MAX_LENGTH_DIGITS) return new Failure('bad-request', 'Content-Length is too large')
    let length = 0
    for (let i = start; i < end; i++) {
      const digit = bytes[i]! - 0x30
      if (digit < 0 || digit > 9) return new Failure('bad-request', 'Content-Length is not a number')
      length = length * 10 + digit
    }
    this.contentLength = length
    return undefined
  }

  private noteTransferEncoding(value: string): void {
    this.transferEncoding = this.transferEncoding === undefined ? value : `${this.transferEncoding},${value}`
  }

  /** RFC 9110 10.1.1: everything but 100-continue is refused. */
  private noteExpect(value: string): void {
    const known = value.toLowerCase() === '100-continue' && this.expect !== 'something-else'
    this.expect = known ? 'continue' : 'something-else'
  }

  private noteConnection(bytes: Buffer, start: number, end: number): Failure | undefined {
    // Nearly always just that, in any case.
    if (end - start === 10 && (bytes[start]! | 0x20) === 0x6b && isKeepAlive(bytes, start)) {
      this.keepAlive = true
      return undefined
    }
    for (const option of listed(bytes.latin1Slice(start, end))) {
      if (option === 'keep-alive') this.keepAlive = true
      else if (option === 'close') this.close = true
      else if (!isToken(option))
        return new Failure('bad-request', 'Connection names something that is no field')
      else {
        this.options ??= []
        if (this.options.push(option) > MAX_CONNECTION_OPTIONS)
          return new Failure('bad-request', `Connection names more than ${MAX_CONNECTION_OPTIONS} fields`)
      }
    }
    return undefined
  }
}

const KEEP_ALIVE: Buffer = Buffer.from('keep-alive')

function isKeepAlive(bytes: Buffer, start: number): boolean {
  for (let i = 0; i < 10; i++) if ((bytes[start + i]! | 0x20) !== KEEP_ALIVE[i]) return false
  // A CR differs from the hyphen by the bit that tells the case of letters; but it cannot stand within a line.
  return true
}

const isBlank = (code: number): boolean => code === SPACE || code === TAB

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false
  return true
}

/** Elements of a comma-separated list (RFC 9110 5.6.1) in lower case; empty ones do not count. */
export function listed(value: string): string[] {
  if (!value.includes(',')) return value === '' ? [] : [value.toLowerCase()]
  return value
    .toLowerCase()
    .split(',')
    .map(trimBlanks)
    .filter(element => element !== '')
}

/**
 * Blanks only: `trim` would take NO-BREAK SPACE (0xA0) as well, and read `chunked\xa0` as `chunked`. No regular
 * expression: those take quadratic time for a long run of blanks.
 */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}
