/** Reads the head of a request (RFC 9112 3 and 6, RFC 9110 7). */
import { normalisePath } from '../../../mesh/normalise-path.ts'
import type { Normalise } from '../../../mesh/snapshot.ts'
import { Failure, type FailureCode } from '../../failure.ts'
import { readAuthority, readTunnelAuthority } from './authority.ts'
import { CHUNKED } from './body-length.ts'
import { isHttpVersion, SPACE, TARGET, TOKEN } from './characters.ts'
import { type HeadLimits, HeadParser } from './head-parser.ts'
import { listed } from './message-fields.ts'

export interface RequestHeadOptions {
  readonly limits: HeadLimits & { readonly maxBodyBytes: number }
  readonly scheme: 'http' | 'https'
  readonly normalise: Normalise
}

const refusal = (reason: string): Failure => new Failure('bad-request', reason)

export class RequestParser extends HeadParser {
  method = ''
  authority = ''
  path = ''
  query = ''
  /** 0 or 1 of HTTP/1.x; higher ones are read as 1 (RFC 9110 2.5). */
  minorVersion = 1
  /** Bytes of the body that follows, or `CHUNKED`. */
  bodyLength = 0
  protected readonly lineTooLong: FailureCode = 'uri-too-long'
  protected readonly skipsEmptyLine = true
  private readonly options: RequestHeadOptions
  private methodEnd = 0
  private targetEnd = 0
  private methodStart = 0

  constructor(options: RequestHeadOptions) {
    super(options.limits)
    this.options = options
  }

  /** `method SP target SP version`, single blanks only (RFC 9112 3). */
  protected readLine(bytes: Buffer, base: number, start: number, end: number): Failure | undefined {
    const lineEnd = base + end
    let i = base + start
    while (i < lineEnd && TOKEN[bytes[i]!] === 1) i++
    this.methodStart = start
    this.methodEnd = i - base
    if (this.methodEnd === start || i === lineEnd || bytes[i] !== SPACE)
      return refusal('the request line has no valid method')
    const targetStart = ++i
    while (i < lineEnd && TARGET[bytes[i]!] === 1) i++
    this.targetEnd = i - base
    if (i === targetStart || i === lineEnd || bytes[i] !== SPACE)
      return refusal(
        'the request target is empty, has no version behind it, or holds a character that none may hold',
      )
    return this.readVersion(bytes, i + 1, lineEnd)
  }

  private readVersion(bytes: Buffer, start: number, end: number): Failure | undefined {
    if (end - start !== 8 || !isHttpVersion(bytes, start))
      return refusal('the request line does not end in an HTTP version')
    const major = bytes[start + 5]! - 0x30
    const minor = bytes[start + 7]! - 0x30
    if (major !== 1) return new Failure('unsupported-version', `HTTP/${major}.${minor} is not spoken here`)
    this.minorVersion = minor === 0 ? 0 : 1
    return undefined
  }

  /** The client has not sent the body yet and waits for a 100 (RFC 9110 10.1.1; HTTP/1.0 clients do not). */
  get expectsContinue(): boolean {
    return this.fields.expect === 'continue' && this.minorVersion === 1 && this.bodyLength !== 0
  }

  /** Whether the client wants the connection to go on (RFC 9112 9.3). */
  get persists(): boolean {
    const { close, keepAlive } = this.fields
    return !close && (this.minorVersion === 1 || keepAlive)
  }

  /** Settles what the completed head means. `text` is the head from its first byte. Answers why it is refused. */
  settle(text: string): Failure | undefined {
    this.method = methodOf(text, this.methodStart, this.methodEnd)
    return (
      this.settleBody() ??
      this.settleHost(text) ??
      this.settleTarget(text.slice(this.methodEnd + 1, this.targetEnd))
    )
  }

  /** RFC 9112 6.1 and 6.3. */
  private settleBody(): Failure | undefined {
    const { contentLength, transferEncoding, expect } = this.fields
    if (expect === 'something-else' && this.minorVersion === 1)
      return new Failure('expectation-failed', 'the only expectation known here is 100-continue')
    if (transferEncoding !== undefined) return this.settleTransferEncoding(transferEncoding)
    this.bodyLength = contentLength === -1 ? 0 : contentLength
    const { maxBodyBytes } = this.options.limits
    if (maxBodyBytes > 0 && this.bodyLength > maxBodyBytes)
      return new Failure('body-too-large', `the request body exceeds ${maxBodyBytes} bytes`)
    return undefined
  }

  private settleTransferEncoding(value: string): Failure | undefined {
    if (this.fields.contentLength !== -1)
      return refusal('there are both Content-Length and Transfer-Encoding')
    if (this.minorVersion === 0) return refusal('HTTP/1.0 knows no Transfer-Encoding')
    const failure = checkChunked(value)
    if (failure === undefined) this.bodyLength = CHUNKED
    return failure
  }

  /** RFC 9112 3.2: exactly one valid Host; HTTP/1.0 may have none. */
  private settleHost(text: string): Failure | undefined {
    const { hostCount, hostStart, hostEnd } = this.fields
    if (hostCount > 1) return refusal('there is more than one Host')
    if (hostCount === 0) {
      this.authority = ''
      return this.minorVersion === 0 ? undefined : refusal('there is no Host')
    }
    const authority = readAuthority(text.slice(hostStart, hostEnd))
    if (authority === undefined) return refusal('Host is not a valid host with an optional port')
    this.authority = authority
    return undefined
  }

  /** RFC 9112 3.2: origin-form; absolute-form; authority-form for CONNECT alone; `*` for OPTIONS alone. */
  private settleTarget(target: string): Failure | undefined {
    if (this.method === 'CONNECT') return this.settleTunnel(target)
    if (target.charCodeAt(0) === 0x2f) return this.settlePath(target)
    if (target === '*') {
      if (this.method !== 'OPTIONS') return refusal('only OPTIONS may ask for *')
      this.path = '*'
      this.query = ''
      return undefined
    }
    return this.settleAbsolute(target)
  }

  private settleTunnel(target: string): Failure | undefined {
    const authority = readTunnelAuthority(target)
    if (authority === undefined) return refusal('the target of CONNECT is not a host with a port')
    this.authority = authority
    this.path = ''
    this.query = ''
    return undefined
  }

  /** The target's authority counts, whatever Host says (RFC 9112 3.2.2). */
  private settleAbsolute(target: string): Failure | undefined {
    const { scheme } = this.options
    const prefix = `${scheme}://`
    if (target.slice(0, prefix.length).toLowerCase() !== prefix)
      return refusal(`the request target is neither a path nor a URI of scheme ${scheme}`)
    const rest = target.slice(prefix.length)
    const authorityEnd = rest.search(/[/?]/)
    const authority = readAuthority(authorityEnd === -1 ? rest : rest.slice(0, authorityEnd))
    if (authority === undefined) return refusal('the request target has no valid host')
    this.authority = authority
    const path = authorityEnd === -1 ? '' : rest.slice(authorityEnd)
    if (path.startsWith('/')) return this.settlePath(path)
    // RFC 9112 3.2.4: without a path OPTIONS means the server as a whole, other methods the root.
    if (this.method === 'OPTIONS' && path === '') {
      this.path = '*'
      this.query = ''
      return undefined
    }
    return this.settlePath(`/${path}`)
  }

  private settlePath(target: string): Failure | undefined {
    const mark = target.indexOf('?')
    const path = normalisePath(mark === -1 ? target : target.slice(0, mark), this.options.normalise)
    if (path === undefined) return refusal('the path holds a NUL')
    this.path = path
    this.query = mark === -1 ? '' : target.slice(mark + 1)
    return undefined
  }
}

/**
 * Why a Transfer-Encoding cannot be read (RFC 9112 6.1, 6.3): without `chunked` once and last, nobody knows where the
 * message ends; and codings besides it we do not speak.
 */
export function checkChunked(value: string): Failure | undefined {
  if (value.toLowerCase() === 'chunked') return undefined
  const codings = listed(value)
  if (codings.at(-1) !== 'chunked' || codings.indexOf('chunked') < codings.length - 1)
    return refusal('Transfer-Encoding does not end in exactly one chunked')
  return codings.length === 1
    ? undefined
    : new Failure('unsupported-transfer-coding', 'the only transfer coding spoken here is chunked')
}

/** Constants for the usual methods: they compare faster than slices and pin no text. */
const METHODS: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]

function methodOf(text: string, start: number, end: number): string {
  for (const method of METHODS) {
    if (method.length === end - start && text.startsWith(method, start)) return method
  }
  return text.slice(start, end)
}
