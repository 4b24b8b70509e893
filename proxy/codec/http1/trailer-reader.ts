/** Reads the trailer section behind the last chunk (RFC 9112 7.1.2, RFC 9110 6.5). */
import type { Failure, FailureCode } from '../../failure.ts'
import { HeaderBlock } from '../../header-block.ts'
import { type HeadLimits, HeadParser, NEED_MORE } from './head-parser.ts'
import { HeadReader } from './head-reader.ts'

/**
 * Fields that must not come behind the body (RFC 9110 6.5.1): they frame or route the message, say who sends it, or
 * are needed before the body is read. A receiver that merges trailers into the header would act on them: dropped.
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
])

const isForbidden = (name: string): boolean =>
  FORBIDDEN.has(name) || name.startsWith('x-forwarded-') || name.startsWith('x-selvage-')

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
    if (block.count > 0) this.trailers = allowed(block)
    return i
  }
}

function allowed(block: HeaderBlock): HeaderBlock | undefined {
  const fields: [string, string][] = []
  block.forEach((name, value) => {
    if (!isForbidden(name)) fields.push([name, value])
  })
  if (fields.length === 0) return undefined
  return fields.length === block.count ? block : HeaderBlock.of(fields)
}
