/** Reads the head of a response (RFC 9112 4 and 6.3). */
import { Failure, type FailureCode } from '../../failure.ts'
import { CHUNKED, UNTIL_CLOSE } from './body-length.ts'
import { isDigit, isHttpVersion, SPACE } from './characters.ts'
import { HeadParser } from './head-parser.ts'
import { checkChunked } from './request-head.ts'

const refusal = (reason: string): Failure => new Failure('upstream-protocol', reason)

export class ResponseParser extends HeadParser {
  status = 0
  minorVersion = 1
  /** Bytes of the body that follows, `CHUNKED` or `UNTIL_CLOSE`. */
  bodyLength = 0
  protected readonly lineTooLong: FailureCode = 'headers-too-large'
  protected readonly skipsEmptyLine = false

  /** `version SP 3DIGIT [SP reason]`; some servers leave out the last blank with the reason. */
  protected readLine(bytes: Buffer, base: number, start: number, end: number): Failure | undefined {
    const at = base + start
    const length = end - start
    if (length < 12 || !isHttpVersion(bytes, at) || bytes[at + 5] !== 0x31) return notAStatusLine()
    if (bytes[at + 8] !== SPACE || (length > 12 && bytes[at + 12] !== SPACE)) return notAStatusLine()
    const hundreds = bytes[at + 9]! - 0x30
    if (hundreds < 1 || hundreds > 5 || !isDigit(bytes[at + 10]!) || !isDigit(bytes[at + 11]!))
      return notAStatusLine()
    this.status = hundreds * 100 + (bytes[at + 10]! - 0x30) * 10 + bytes[at + 11]! - 0x30
    this.minorVersion = bytes[at + 7] === 0x30 ? 0 : 1
    return undefined
  }

  /** Settles where the body of the answer to such a request ends. Answers why the response is refused. */
  settle(method: string): Failure | undefined {
    const { contentLength, transferEncoding } = this.fields
    if (contentLength !== -1 && transferEncoding !== undefined)
      return refusal('the response has both Content-Length and Transfer-Encoding')
    if (transferEncoding !== undefined && this.minorVersion === 0)
      return refusal('the response is HTTP/1.0 and has a Transfer-Encoding')
    if (method === 'HEAD' || this.status < 200 || this.status === 204 || this.status === 304) {
      this.bodyLength = 0
      return undefined
    }
    if (transferEncoding === undefined) {
      this.bodyLength = contentLength === -1 ? UNTIL_CLOSE : contentLength
      return undefined
    }
    const failure = checkChunked(transferEncoding)
    this.bodyLength = CHUNKED
    return failure === undefined ? undefined : refusal(failure.message)
  }

  /** Whether the connection may carry another exchange (RFC 9112 9.3). */
  get persists(): boolean {
    const { close, keepAlive } = this.fields
    if (close || this.bodyLength === UNTIL_CLOSE) return false
    return this.minorVersion === 1 || keepAlive
  }
}

const notAStatusLine = (): Failure => refusal('the status line is not one of HTTP/1.x')
