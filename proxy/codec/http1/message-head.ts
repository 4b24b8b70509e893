/** What the two kinds of message say in their heads besides what is forwarded. */
import { FieldKind } from '../../field-kind.ts'
import type { HeaderBlock } from '../../header-block.ts'
import type { OutgoingRequest, Response } from '../../message.ts'
import type { OutTarget } from '../../out-buffer.ts'
import { CHUNKED, UNTIL_CLOSE } from './body-length.ts'
import { fieldOfKind, writeHead } from './head-writer.ts'
import { listed } from './message-fields.ts'
import { statusLine } from './status-line.ts'

/** RFC 9110 7.6.3. */
const VIA = { '1.1': 'via: 1.1 selvage\r\n', '2.0': 'via: 2.0 selvage\r\n' } as const

/** Methods for which a body has no meaning (RFC 9110 9.3): some receivers do not even read it. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'CONNECT', 'TRACE'])

/**
 * Whether a body comes where receivers disagree if there can be one. Such a request is forwarded, but both its
 * connections are closed after it, so that nobody reads its body as the next request.
 */
export const hasDoubtfulBody = (method: string, bodyLength: number | undefined): boolean =>
  bodyLength !== 0 && BODILESS.has(method)

/** Methods for which the length of an empty body is said (RFC 9110 8.6). */
const SAYS_EMPTY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** Puts the head of a request into `out`. */
export function writeRequestHead(target: OutTarget, request: OutgoingRequest): void {
  const { headers, edits, method, authority } = request
  const bodyLength = request.body.length
  const keepsHost = edits?.get('host') !== undefined || saysHost(headers, authority)
  const keepsLength = saysLength(headers, bodyLength)
  const saysNothing = keepsLength || (bodyLength === 0 && !SAYS_EMPTY.has(method))
  let added: string = VIA[headers.receivedBy]
  if (wantsTrailers(headers)) added += 'te: trailers\r\nconnection: te\r\n'
  if (hasDoubtfulBody(method, bodyLength)) added += 'connection: close\r\n'
  if (!saysNothing) added += lengthLine(bodyLength)
  writeHead(target, {
    startLine: keepsHost ? requestLine(request) : `${newRequestLine(request)}host: ${authority}\r\n`,
    headers,
    edits,
    added,
    withoutHost: !keepsHost,
    withoutLength: !keepsLength,
  })
}

/** Undefined when the line in front of the request's fields still says it. */
function requestLine(request: OutgoingRequest): string | undefined {
  const { lineMethod, linePath, lineQuery } = request.headers
  const isSame = lineMethod === request.method && linePath === request.path && lineQuery === request.query
  return isSame ? undefined : newRequestLine(request)
}

const newRequestLine = ({ method, path, query }: OutgoingRequest): string =>
  `${method} ${query === '' ? path : `${path}?${query}`} HTTP/1.1\r\n`

/** How a response goes out on its connection. */
export interface ResponseFrame {
  readonly method: string
  /** Of the client. */
  readonly minorVersion: number
  readonly persists: boolean
  /** Value of Date, if the response has none. */
  date(): string
}

/**
 * Puts the head of a final response into `out`. Answers how its body ends: bytes, `CHUNKED` or `UNTIL_CLOSE`; 0 for
 * those that must not have one.
 */
export function writeResponseHead(target: OutTarget, response: Response, frame: ResponseFrame): number {
  const { status, headers, edits } = response
  const isBodiless = frame.method === 'HEAD' || status === 204 || status === 304
  const framing = isBodiless ? 0 : framingOf(response.body.length, frame.minorVersion)
  // HEAD and 304 say the length that a GET would have had (RFC 9110 8.6); 204 says none.
  const keepsLength = isBodiless ? status !== 204 : framing >= 0 && saysLength(headers, framing)
  let added: string = VIA[headers.receivedBy]
  if (!isBodiless && !keepsLength) added += framingLine(framing)
  if (!headers.has('date')) added += `date: ${frame.date()}\r\n`
  if (!frame.persists || framing === UNTIL_CLOSE) added += 'connection: close\r\n'
  else if (frame.minorVersion === 0) added += 'connection: keep-alive\r\n'
  writeHead(target, {
    startLine: statusLine(status),
    headers,
    edits,
    added,
    withoutHost: false,
    withoutLength: !keepsLength,
  })
  return framing
}

/** Puts an interim response into `out`: it says nothing of bodies or connections (RFC 9110 15.2). */
export function writeInterimHead(target: OutTarget, status: number, headers: HeaderBlock): void {
  writeHead(target, {
    startLine: statusLine(status),
    headers,
    edits: undefined,
    added: headers.count === 0 ? '' : VIA[headers.receivedBy],
    withoutHost: false,
    withoutLength: true,
  })
}

/** HTTP/1.0 knows no chunks: there the body ends with the connection. */
const framingOf = (length: number | undefined, minorVersion: number): number =>
  length ?? (minorVersion === 0 ? UNTIL_CLOSE : CHUNKED)

const framingLine = (framing: number): string =>
  framing === UNTIL_CLOSE ? '' : lengthLine(framing === CHUNKED ? undefined : framing)

const lengthLine = (length: number | undefined): string =>
  length === undefined ? 'transfer-encoding: chunked\r\n' : `content-length: ${length}\r\n`

function saysHost(headers: HeaderBlock, authority: string): boolean {
  const field = fieldOfKind(headers, FieldKind.HOST)
  if (field === -1) return false
  const value = headers.valueAt(field)
  return value === authority || value.toLowerCase() === authority
}

function saysLength(headers: HeaderBlock, length: number | undefined): boolean {
  const field = fieldOfKind(headers, FieldKind.CONTENT_LENGTH)
  return field !== -1 && length !== undefined && headers.valueAt(field) === String(length)
}

/** RFC 9110 10.1.4: TE is for one connection; `trailers` is true of ours, too, since we pass them on. */
function wantsTrailers(headers: HeaderBlock): boolean {
  const field = fieldOfKind(headers, FieldKind.TE)
  return field !== -1 && listed(headers.valueAt(field)).includes('trailers')
}
