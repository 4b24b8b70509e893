/**
 * Reads a start line and a header section (RFC 9112 2–5) as one state machine over bytes that may arrive in any
 * pieces: each byte is looked at once, and what is refused does not depend on the pieces.
 *
 * Strict where two readers could disagree: no bare CR or LF, no folding, no blank around a name, no empty name,
 * no control characters.
 */
import { Failure, type FailureCode } from '../../failure.ts'
import { FieldKind, fieldKindAt } from '../../field-kind.ts'
import { FIELD_STRIDE, HeaderBlock } from '../../header-block.ts'
import { COLON, CR, LF, SPACE, TAB, TEXT, TOKEN } from './characters.ts'
import { markConnectionOptions } from './connection-options.ts'
import { MessageFields } from './message-fields.ts'

/** `parse` wants more bytes. */
export const NEED_MORE = -1
/** `parse` met something that must be refused: see `failure`. */
export const REFUSED = -2

export interface HeadLimits {
  readonly maxHeaderBytes: number
  readonly maxHeaderCount: number
  readonly maxLineBytes: number
}

const START = 0
const START_LF = 1
const LINE = 2
const LINE_LF = 3
const FIELD = 4
const NAME = 5
const VALUE = 6
const VALUE_LF = 7
const END_LF = 8

export abstract class HeadParser {
  readonly fields = new MessageFields()
  /** Why the last `parse` answered `REFUSED`. */
  failure: Failure | undefined = undefined
  protected readonly limits: HeadLimits
  /** Positions are counted from the first byte of the head. */
  private state = START
  private at = 0
  private lineStart = 0
  private fieldsStart = 0
  private nameStart = 0
  private colon = 0
  private kind: FieldKind = FieldKind.PLAIN
  /** Of the fields read so far; used again for every head, so that it grows once. */
  private readonly marks: number[] = []
  private markCount = 0

  constructor(limits: HeadLimits) {
    this.limits = limits
  }

  /** Checks and remembers the parts of a start line, `bytes[base + start, base + end)`. */
  protected abstract readLine(bytes: Buffer, base: number, start: number, end: number): Failure | undefined
  /** What a start line that is too long is called. */
  protected abstract readonly lineTooLong: FailureCode
  /** Whether one empty line may come before the start line (RFC 9112 2.2). */
  protected abstract readonly skipsEmptyLine: boolean

  /** Begins with the next message. */
  reset(): void {
    this.state = START
    this.at = 0
    this.lineStart = 0
    this.markCount = 0
    this.fields.reset()
  }

  /** Begins with a section without start line: trailers. */
  resetToFields(): void {
    this.reset()
    this.state = FIELD
    this.fieldsStart = 0
  }

  /** Something of a message was read, an empty line before it aside. */
  get begun(): boolean {
    return this.at > this.lineStart && this.state !== START_LF
  }

  /**
   * Goes on with the head that begins at `base`; call it again with the same bytes at its beginning and more
   * behind them. Answers the head's length in bytes, `NEED_MORE` or `REFUSED`.
   */
  parse(bytes: Buffer, base: number, end: number): number {
    let i = base + this.at
    while (i < end) {
      switch (this.state) {
        case START:
          i = this.start(bytes, i)
          break
        case START_LF:
          i = this.lineFeed(bytes, i, LINE)
          this.lineStart = i - base
          break
        case LINE:
          i = this.line(bytes, base, i, end)
          break
        case LINE_LF:
          i = this.lineFeed(bytes, i, FIELD)
          this.fieldsStart = i - base
          break
        case FIELD:
          i = this.wholeFields(bytes, base, i, end)
          if (i >= 0 && i < end) i = this.field(bytes, base, i)
          break
        case NAME:
          i = this.name(bytes, base, i, end)
          break
        case VALUE:
          i = this.value(bytes, base, i, end)
          break
        case VALUE_LF:
          i = this.lineFeed(bytes, i, FIELD)
          break
        default:
          i = this.lineFeed(bytes, i, START)
          if (i === REFUSED) return REFUSED
          this.marks[this.markCount] = i - base - 2
          return i - base
      }
      if (i < 0) return i
    }
    this.at = i - base
    return NEED_MORE
  }

  /** The header section of the head that `parse` has just completed. */
  block(bytes: Buffer, base: number): HeaderBlock {
    const { markCount } = this
    const marks = this.marks.slice(0, markCount + 1)
    const text = bytes.latin1Slice(base, base + marks[markCount]!)
    const block = new HeaderBlock(text, marks, markCount / FIELD_STRIDE)
    if (this.fields.options !== undefined) markConnectionOptions(block, marks, this.fields.options)
    return block
  }

  protected refuse(code: FailureCode, reason: string): typeof REFUSED {
    this.failure = new Failure(code, reason)
    return REFUSED
  }

  private start(bytes: Buffer, i: number): number {
    const isEmptyLine = this.skipsEmptyLine && bytes[i] === CR
    this.state = isEmptyLine ? START_LF : LINE
    return isEmptyLine ? i + 1 : i
  }

  private lineFeed(bytes: Buffer, i: number, next: number): number {
    if (bytes[i] !== LF) return this.refuse('bad-request', 'a CR is not followed by an LF')
    this.state = next
    return i + 1
  }

  private line(bytes: Buffer, base: number, from: number, end: number): number {
    const most = base + this.lineStart + this.limits.maxLineBytes
    const i = textEnd(bytes, from, end < most ? end : most)
    if (i === most)
      return this.refuse(this.lineTooLong, `the start line exceeds ${this.limits.maxLineBytes} bytes`)
    if (i === end) return i
    if (bytes[i] !== CR) return this.refuse('bad-request', `the start line holds ${described(bytes[i]!)}`)
    const failure = this.readLine(bytes, base, this.lineStart, i - base)
    if (failure !== undefined) {
      this.failure = failure
      return REFUSED
    }
    this.state = LINE_LF
    return i + 1
  }

  /**
   * The short way for lines that lie in the chunk as a whole; everything else is left to the state machine from the
   * beginning of its line. A head of 13 fields takes 0.8 µs so, and 1.0 µs by states alone. Answers where it
   * stopped, or `REFUSED`.
   */
  private wholeFields(bytes: Buffer, base: number, from: number, end: number): number {
    const most = base + this.fieldsStart + this.limits.maxHeaderBytes
    const limit = (end < most ? end : most) - 1
    const mostMarks = this.limits.maxHeaderCount * FIELD_STRIDE
    const { marks } = this
    let line = from
    while (this.markCount < mostMarks) {
      let i = line
      while (i < limit && TOKEN[bytes[i]!] === 1) i++
      if (i === line || i >= limit || bytes[i] !== COLON) break
      const colon = i
      i = textEnd(bytes, i + 1, limit)
      if (i >= limit || bytes[i] !== CR || bytes[i + 1] !== LF) break
      const kind = fieldKindAt(bytes, line, colon)
      if (kind !== FieldKind.PLAIN && !this.note(kind, bytes, base, colon + 1, i)) return REFUSED
      const { markCount } = this
      marks[markCount] = line - base
      marks[markCount + 1] = colon - base
      marks[markCount + 2] = kind
      this.markCount = markCount + FIELD_STRIDE
      line = i + 2
    }
    return line
  }

  private note(kind: FieldKind, bytes: Buffer, base: number, start: number, end: number): boolean {
    this.failure = this.fields.note(kind, bytes, base, start, end)
    return this.failure === undefined
  }

  private field(bytes: Buffer, base: number, i: number): number {
    const code = bytes[i]!
    if (code === CR) {
      this.state = END_LF
      return i + 1
    }
    if (code === SPACE || code === TAB) return this.refuse('bad-request', 'a header line begins with a blank')
    if (this.markCount === this.limits.maxHeaderCount * FIELD_STRIDE)
      return this.refuse(
        'headers-too-large',
        `there are more than ${this.limits.maxHeaderCount} header fields`,
      )
    this.nameStart = i - base
    this.state = NAME
    return i
  }

  private name(bytes: Buffer, base: number, from: number, end: number): number {
    const most = base + this.fieldsStart + this.limits.maxHeaderBytes
    const limit = end < most ? end : most
    let i = from
    while (i < limit && TOKEN[bytes[i]!] === 1) i++
    if (i === most) return this.tooLarge()
    if (i === end) return i
    const start = base + this.nameStart
    if (bytes[i] !== COLON || i === start)
      return this.refuse(
        'bad-request',
        `a header name ${i === start ? 'is empty or begins with' : 'holds'} ${described(bytes[i]!)}`,
      )
    this.colon = i - base
    this.kind = fieldKindAt(bytes, start, i)
    this.state = VALUE
    return i + 1
  }

  private value(bytes: Buffer, base: number, from: number, end: number): number {
    const most = base + this.fieldsStart + this.limits.maxHeaderBytes
    const i = textEnd(bytes, from, end < most ? end : most)
    if (i === most) return this.tooLarge()
    if (i === end) return i
    if (bytes[i] !== CR) return this.refuse('bad-request', `a header value holds ${described(bytes[i]!)}`)
    const start = base + this.colon + 1
    if (this.kind !== FieldKind.PLAIN && !this.note(this.kind, bytes, base, start, i)) return REFUSED
    const { marks } = this
    marks[this.markCount++] = this.nameStart
    marks[this.markCount++] = this.colon
    marks[this.markCount++] = this.kind
    this.state = VALUE_LF
    return i + 1
  }

  private tooLarge(): typeof REFUSED {
    return this.refuse('headers-too-large', `the header section exceeds ${this.limits.maxHeaderBytes} bytes`)
  }
}

/** The first byte that no line may hold (its CR included), or `end`. */
function textEnd(bytes: Buffer, from: number, end: number): number {
  let i = from
  while (
    i + 4 <= end &&
    (TEXT[bytes[i]!]! & TEXT[bytes[i + 1]!]! & TEXT[bytes[i + 2]!]! & TEXT[bytes[i + 3]!]!) === 1
  )
    i += 4
  while (i < end && TEXT[bytes[i]!] === 1) i++
  return i
}

/** A byte for people: what was found may not be printable. */
function described(code: number): string {
  if (code === LF) return 'a bare LF'
  if (code === CR) return 'a bare CR'
  if (code === SPACE || code === TAB) return 'a blank'
  return `byte 0x${code.toString(16).padStart(2, '0')}`
}
