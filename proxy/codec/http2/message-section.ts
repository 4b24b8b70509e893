/** What a complete field section means as a request, a response or trailers (RFC 9113 8.1 to 8.5). */
import { normalisePath } from '../../../mesh/normalise-path.ts'
import type { Normalise } from '../../../mesh/snapshot.ts'
import { Failure, type FailureCode } from '../../failure.ts'
import type { HeaderBlock } from '../../header-block.ts'
import { readAuthority } from '../http1/authority.ts'
import { TARGET, TOKEN } from '../http1/characters.ts'
import { allowedTrailers } from '../trailer-fields.ts'
import type { FieldSection } from './field-section.ts'

export interface RequestHead {
  readonly method: string
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers: HeaderBlock
  /** Bytes of the body; undefined when nobody knows. */
  readonly bodyLength: number | undefined
  readonly expectsContinue: boolean
}

export interface RequestLimits {
  readonly maxLineBytes: number
  readonly maxBodyBytes: number
}

const malformed = (reason: string): Failure => new Failure('bad-request', reason)

/** A malformed request is a `bad-request`, and ends its stream; other failures are answered. */
export function requestHead(
  section: FieldSection,
  endStream: boolean,
  normalise: Normalise,
  limits: RequestLimits,
): RequestHead | Failure {
  const failure = objection(section, 'headers-too-large')
  if (failure !== undefined) return failure
  const { method, scheme, path: target, status, contentLength } = section
  if (status !== undefined) return malformed('a request has a status')
  if (method === undefined || !isToken(method)) return malformed('the request has no valid :method')
  if (method === 'CONNECT') return malformed('CONNECT is not answered on HTTP/2 here')
  if (scheme !== 'http' && scheme !== 'https') return malformed('the request has no :scheme of http or https')
  if (target === undefined || !isTarget(target, method)) return malformed('the request has no valid :path')
  if (target.length > limits.maxLineBytes)
    return new Failure('uri-too-long', `the path exceeds ${limits.maxLineBytes} bytes`)
  const authority = authorityOf(section)
  if (authority === undefined)
    return malformed('the request has no valid :authority, or Host says something else')
  if (endStream && contentLength > 0) return malformed('the request ends before the body that it announced')
  if (limits.maxBodyBytes > 0 && contentLength > limits.maxBodyBytes)
    return new Failure('body-too-large', `the request body exceeds ${limits.maxBodyBytes} bytes`)
  const mark = target.indexOf('?')
  const path = normalisePath(mark === -1 ? target : target.slice(0, mark), normalise)
  if (path === undefined) return malformed('the path holds a NUL')
  return {
    method,
    authority,
    path,
    query: mark === -1 ? '' : target.slice(mark + 1),
    headers: section.block(),
    bodyLength: endStream ? 0 : contentLength === -1 ? undefined : contentLength,
    expectsContinue: section.expectsContinue && !endStream,
  }
}

/** `:authority` counts; who leaves it out says Host (RFC 9113 8.3.1). */
function authorityOf({ authority, host }: FieldSection): string | undefined {
  const named = authority ?? host
  const read = named === undefined ? undefined : readAuthority(named)
  if (read === undefined || authority === undefined || host === undefined || host === authority) return read
  return readAuthority(host) === read ? read : undefined
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false
  return text !== ''
}

function isTarget(target: string, method: string): boolean {
  if (target.charCodeAt(0) !== 0x2f) return target === '*' && method === 'OPTIONS'
  for (let i = 1; i < target.length; i++) if (TARGET[target.charCodeAt(i)] !== 1) return false
  return true
}

export interface ResponseHead {
  readonly status: number
  readonly headers: HeaderBlock
  /** What Content-Length says. */
  readonly bodyLength: number | undefined
}

const STATUS = /^[1-5][0-9]{2}$/

/** The head of the answer to a request with that method, interim ones included. A failure ends the stream. */
export function responseHead(
  section: FieldSection,
  endStream: boolean,
  method: string,
): ResponseHead | Failure {
  const failure = objection(section, 'upstream-protocol')
  if (failure !== undefined) return failure
  if (section.status === undefined || !STATUS.test(section.status))
    return wrong('the response has no valid :status')
  if (hasRequestPseudo(section)) return wrong('a response has a pseudo-header field of requests')
  const status = Number(section.status)
  if (status === 101) return wrong('it switched protocols, which HTTP/2 cannot')
  if (status < 200 && endStream) return wrong('the response ends with an interim one')
  const isBodiless = method === 'HEAD' || status === 204 || status === 304
  const { contentLength } = section
  if (endStream && !isBodiless && contentLength > 0)
    return wrong('the response ends before the body that it announced')
  return { status, headers: section.block(), bodyLength: contentLength === -1 ? undefined : contentLength }
}

const hasRequestPseudo = ({ method, scheme, authority, path }: FieldSection): boolean =>
  method !== undefined || scheme !== undefined || authority !== undefined || path !== undefined

/** A trailer section; undefined when it says nothing. A failure ends the stream. */
export function trailerFields(section: FieldSection, code: FailureCode): HeaderBlock | undefined | Failure {
  const failure = objection(section, code)
  if (failure !== undefined) return failure
  if (section.hasPseudo) return new Failure(code, 'a pseudo-header field stands among the trailers')
  return allowedTrailers(section.block())
}

const wrong = (reason: string): Failure =>
  new Failure('upstream-protocol', `the response cannot be read: ${reason}`)

function objection({ problem, tooLarge }: FieldSection, sizeCode: FailureCode): Failure | undefined {
  if (problem !== undefined) return sizeCode === 'upstream-protocol' ? wrong(problem) : malformed(problem)
  return tooLarge ? new Failure(sizeCode, 'the header section is larger than is allowed') : undefined
}
