/** Reads the head of a request (RFC 9112 3 and 6, RFC 9110 7). */
import { normalisePath } from '../../../mesh/normalise-path.ts'
import type { Normalise } from '../../../mesh/snapshot.ts'
import { Failure, type FailureCode } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { readAuthority, readTunnelAuthority } from './authority.ts'
import { CHUNKED } from './body-length.ts'
import { isHttpVersion, QUESTION_MARK, SLASH, SPACE, SPECIAL_IN_TARGET, TARGET, TOKEN } from './characters.ts'
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
  /** Position of the first `?` of the target, or its end. */
  private queryMark = 0
  private mayNormalise = false
  /** The line is what we would write for what was made of it: HTTP/1.1, origin-form, nothing normalised. */
  private isPlainLine = false
  /** Hosts hardly change within a connection. */
  private lastHost = ''
  private lastAuthority: string | undefined = undefined

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
    i = this.readTarget(bytes, base, i, lineEnd)
    if (i === targetStart || i === lineEnd || bytes[i] !== SPACE)
      return refusal(
        'the request target is empty, has no version behind it, or holds a character that none may hold',
      )
    return this.readVersion(bytes, i + 1, lineEnd)
  }

  /** Notes where the query begins, and whether the path may need to be normalised. */
  private readTarget(bytes: Buffer, base: number, start: number, end: number): number {
    let query = -1
    let mayNormalise = false
    let i = start
    for (; i < end && TARGET[bytes[i]!] === 1; i++) {
      if (query !== -1 || SPECIAL_IN_TARGET[bytes[i]!] === 0) continue
      if (bytes[i] === QUESTION_MARK) query = i - base
      else if (bytes[i] !== SLASH || (i > start && bytes[i - 1] === SLASH)) mayNormalise = true
    }
    this.targetEnd = i - base
    this.queryMark = query === -1 ? this.targetEnd : query
    this.mayNormalise = mayNormalise
    return i
  }

  private readVersion(bytes: Buffer, start: number, end: number): Failure | undefined {
    if (end - start !== 8 || !isHttpVersion(bytes, start))
      return refusal('the request line does not end in an HTTP version')
    const major = bytes[start + 5]! - 0x30
    const minor = bytes[start + 7]! - 0x30
    if (major !== 1) return new Failure('unsupported-version', `HTTP/${major}.${minor} is not spoken here`)
    this.minorVersion = minor === 0 ? 0 : 1
    this.isPlainLine = minor === 1 && this.methodStart === 0
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

  /** Settles what the completed head means. Answers why it is refused. */
  settle(headers: HeaderBlock): Failure | undefined {
    const { text } = headers
    this.method = methodOf(text, this.methodStart, this.methodEnd)
    const failure = this.settleBody() ?? this.settleHost(text) ?? this.settleTarget(text)
    if (this.isPlainLine) {
      headers.lineMethod = this.method
      headers.linePath = this.path
      headers.lineQuery = this.query
    }
    return failure
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
    const host = text.slice(hostStart, hostEnd)
    if (host !== this.lastHost) {
      this.lastHost = host
      this.lastAuthority = readAuthority(host)
    }
    if (this.lastAuthority === undefined) return refusal('Host is not a valid host with an optional port')
    this.authority = this.lastAuthority
    return undefined
  }

  /** RFC 9112 3.2: origin-form; absolute-form; authority-form for CONNECT alone; `*` for OPTIONS alone. */
  private settleTarget(text: string): Failure | undefined {
    const start = this.methodEnd + 1
    if (text.charCodeAt(start) === SLASH && this.method !== 'CONNECT') {
      this.query = text.slice(this.queryMark + 1, this.targetEnd)
      return this.settlePath(text.slice(start, this.queryMark), this.mayNormalise)
    }
    this.isPlainLine = false
    const target = text.slice(start, this.targetEnd)
    if (this.method === 'CONNECT') return this.settleTunnel(target)
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
    // RFC 9112 3.2.4: without a path OPTIONS means the server as a whole, other methods the root.
    if (this.method === 'OPTIONS' && path === '') {
      this.path = '*'
      this.query = ''
      return undefined
    }
    const mark = path.includes('?') ? path.indexOf('?') : path.length
    this.query = path.slice(mark + 1)
    return this.settlePath(path.slice(0, mark) || '/', true)
  }

  private settlePath(raw: string, mayNormalise: boolean): Failure | undefined {
    const path = mayNormalise ? normalisePath(raw, this.options.normalise) : raw
    if (path === undefined) return refusal('the path holds a NUL')
    this.path = path
    if (path !== raw) this.isPlainLine = false
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
  'HEAD',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
]

function methodOf(text: string, start: number, end: number): string {
  const length = end - start
  for (let i = 0; i < METHODS.length; i++) {
    const method = METHODS[i]!
    if (method.length === length && text.startsWith(method, start)) return method
  }
  return text.slice(start, end)
}
