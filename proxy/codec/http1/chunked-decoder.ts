/** Takes the chunked transfer coding apart (RFC 9112 7.1). Extensions are checked, bounded and dropped. */
import { Failure } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { BACKSLASH, CR, DELETE, HEX_DIGIT, LF, QUOTE, SEMICOLON, SPACE, TAB } from './characters.ts'
import type { HeadLimits } from './head-parser.ts'
import { TrailerReader } from './trailer-reader.ts'

/** Digits of a chunk's size: what that many can say is exact in a double. */
const MAX_SIZE_DIGITS = 12
/** Bytes of extensions in one message: they cost the receiver and never reach anybody. */
const MAX_EXTENSION_BYTES = 4096

const SIZE_START = 0
const SIZE = 1
const EXTENSION = 2
const QUOTED = 3
const ESCAPED = 4
const SIZE_LF = 5
const DATA = 6
const DATA_CR = 7
const DATA_LF = 8
const TRAILERS = 9
const DONE = 10

export class ChunkedDecoder {
  failure: Failure | undefined = undefined
  private readonly trailerReader: TrailerReader
  private state = DONE
  private size = 0
  private digits = 0
  private extensionBytes = 0

  constructor(limits: HeadLimits) {
    this.trailerReader = new TrailerReader(limits)
  }

  reset(): void {
    this.state = SIZE_START
    this.extensionBytes = 0
    this.failure = undefined
    this.trailerReader.reset()
  }

  get done(): boolean {
    return this.state === DONE
  }

  /** Of the message that is done; undefined when it has none. */
  get trailers(): HeaderBlock | undefined {
    return this.trailerReader.trailers
  }

  /** Bytes of data that follow at this position, to be taken with `take`; 0 when there is framing to be read first. */
  get dataBytes(): number {
    return this.state === DATA ? this.size : 0
  }

  take(byteCount: number): void {
    this.size -= byteCount
    if (this.size === 0) this.state = DATA_CR
  }

  /** Reads framing up to data, the end of the message or the end of the chunk. -1: refused, see `failure`. */
  readFraming(bytes: Buffer, from: number, end: number): number {
    let i = from
    while (i < end && this.state !== DATA && this.state !== DONE) {
      if (this.state === TRAILERS) i = this.readTrailers(bytes, i, end)
      else if (this.step(bytes[i]!)) i++
      else return -1
      if (i < 0) return i
    }
    return i
  }

  private readTrailers(bytes: Buffer, from: number, end: number): number {
    const i = this.trailerReader.read(bytes, from, end)
    if (this.trailerReader.done) this.state = DONE
    if (i < 0) this.failure = this.trailerReader.failure
    return i
  }

  /** Takes one byte. */
  private step(code: number): boolean {
    switch (this.state) {
      case SIZE_START:
        this.size = 0
        this.digits = 0
        this.state = SIZE
        return this.digit(code) || this.refuse('a chunk has no size')
      case SIZE:
        return this.digit(code) || this.afterSize(code)
      case EXTENSION:
      case QUOTED:
      case ESCAPED:
        return this.extension(code)
      case SIZE_LF:
        this.state = this.size === 0 ? TRAILERS : DATA
        return code === LF || this.refuse('a chunk size is not followed by CRLF')
      case DATA_CR:
        this.state = DATA_LF
        return code === CR || this.refuse('chunk data is longer than its size says')
      default:
        this.state = SIZE_START
        return code === LF || this.refuse('chunk data is not followed by CRLF')
    }
  }

  private digit(code: number): boolean {
    const value = HEX_DIGIT[code]!
    if (value === 255) return false
    this.size = this.size * 16 + value
    return ++this.digits <= MAX_SIZE_DIGITS || this.refuse('a chunk size has too many digits')
  }

  private afterSize(code: number): boolean {
    if (this.failure !== undefined) return false
    if (code === CR) this.state = SIZE_LF
    else if (code === SEMICOLON) this.state = EXTENSION
    else return this.refuse('a chunk size holds something that is no hexadecimal digit')
    return true
  }

  private extension(code: number): boolean {
    if (++this.extensionBytes > MAX_EXTENSION_BYTES)
      return this.refuse(`chunk extensions exceed ${MAX_EXTENSION_BYTES} bytes`)
    if (code === CR && this.state === EXTENSION) this.state = SIZE_LF
    else if (code < SPACE ? code !== TAB : code === DELETE)
      return this.refuse('a chunk extension holds a control character or an open quote')
    else if (this.state === ESCAPED) this.state = QUOTED
    else if (code === QUOTE) this.state = this.state === QUOTED ? EXTENSION : QUOTED
    else if (code === BACKSLASH && this.state === QUOTED) this.state = ESCAPED
    return true
  }

  private refuse(reason: string): false {
    this.failure ??= new Failure('bad-request', reason)
    return false
  }
}
