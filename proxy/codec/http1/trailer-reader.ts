/** Reads the trailer section behind the last chunk (RFC 9112 7.1.2, RFC 9110 6.5). */
import type { Failure, FailureCode } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { allowedTrailers } from '../trailer-fields.ts'
import { type HeadLimits, HeadParser, NEED_MORE } from './head-parser.ts'
import { HeadReader } from './head-reader.ts'

class TrailerParser extends HeadParser {
  protected readonly lineTooLong: FailureCode = 'headers-too-large'
  protected readonly skipsEmptyLine = false
  protected readLine(): undefined {
    return undefined
  }
}

export class TrailerReader {
  done = false
  trailers: HeaderBlock | undefined = undefined
  private readonly parser: TrailerParser
  private readonly reader: HeadReader

  constructor(limits: HeadLimits) {
    this.parser = new TrailerParser(limits)
    this.reader = new HeadReader(this.parser)
  }

  reset(): void {
    this.done = false
    this.trailers = undefined
    this.parser.resetToFields()
  }

  get failure(): Failure | undefined {
    return this.parser.failure
  }

  /** Answers the position up to which it has read, -1 if the section is refused. */
  read(bytes: Buffer, from: number, end: number): number {
    const i = this.reader.read(bytes, from, end)
    if (i === NEED_MORE) return end
    if (i < 0) return -1
    this.done = true
    const block = this.parser.block(this.reader.bytes, this.reader.base)
    this.trailers = allowedTrailers(block)
    return i
  }
}
