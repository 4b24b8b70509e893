/** Encodes the heads of messages (RFC 9113 8.3): fields that belong to one connection stay behind. */
import { FIRST_HOP_BY_HOP, FieldKind } from '../../field-kind.ts'
import type { HeaderBlock, HeaderEdits } from '../../header-block.ts'
import type { OutgoingRequest, Response } from '../../message.ts'
import { listed } from '../http1/message-fields.ts'
import type { HpackEncoder } from './hpack/encoder.ts'

/** Methods for which the length of an empty body is said (RFC 9110 8.6). */
const SAYS_EMPTY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const VIA = { '1.1': '1.1 selvage', '2.0': '2.0 selvage' } as const

/** The block of a request's head; valid until the next. */
export function encodeRequest(encoder: HpackEncoder, request: OutgoingRequest): Buffer {
  const { method, headers, edits, query } = request
  const { length } = request.body
  encoder.begin()
  encoder.field(':method', method)
  encoder.field(':scheme', request.scheme)
  encoder.field(':authority', edits?.get('host') ?? request.authority)
  encoder.field(':path', query === '' ? request.path : `${request.path}?${query}`)
  const keepsLength = saysLength(headers, length)
  const saysNothing = keepsLength || length === undefined || (length === 0 && !SAYS_EMPTY.has(method))
  forwarded(encoder, headers, edits, keepsLength)
  if (wantsTrailers(headers)) encoder.field('te', 'trailers')
  if (!saysNothing) encoder.field('content-length', String(length))
  encoder.field('via', VIA[headers.receivedBy])
  return encoder.end()
}

/** The block of a final response's head to a request of that method. `date` is used if it has none. */
export function encodeResponse(
  encoder: HpackEncoder,
  response: Response,
  method: string,
  date: string,
): Buffer {
  const { status, headers, edits } = response
  const { length } = response.body
  const isBodiless = isBodilessAnswer(method, status)
  // HEAD and 304 say the length that a GET would have had (RFC 9110 8.6); 204 says none.
  const keepsLength = isBodiless ? status !== 204 : saysLength(headers, length)
  encoder.begin()
  encoder.field(':status', String(status))
  forwarded(encoder, headers, edits, keepsLength)
  if (!isBodiless && !keepsLength && length !== undefined) encoder.field('content-length', String(length))
  if (!headers.has('date')) encoder.field('date', date)
  encoder.field('via', VIA[headers.receivedBy])
  return encoder.end()
}

/** An interim response: it says nothing of bodies (RFC 9110 15.2). */
export function encodeInterim(encoder: HpackEncoder, status: number, headers: HeaderBlock): Buffer {
  encoder.begin()
  encoder.field(':status', String(status))
  forwarded(encoder, headers, undefined, false)
  return encoder.end()
}

export function encodeTrailers(encoder: HpackEncoder, trailers: HeaderBlock): Buffer {
  encoder.begin()
  forwarded(encoder, trailers, undefined, false)
  return encoder.end()
}

/** Whether such an answer has no body, whatever it says (RFC 9110 6.4.1). */
export const isBodilessAnswer = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304

function forwarded(
  encoder: HpackEncoder,
  headers: HeaderBlock,
  edits: HeaderEdits | undefined,
  keepsLength: boolean,
): void {
  for (let field = 0; field < headers.count; field++) {
    const kind = headers.kindAt(field)
    if (kind >= FIRST_HOP_BY_HOP || kind === FieldKind.HOST) continue
    if (kind === FieldKind.CONTENT_LENGTH && !keepsLength) continue
    if (edits?.drops(headers, field) === true) continue
    encoder.fieldOf(headers, field)
  }
  edits?.forEachAdded((name, value) => {
    if (name !== 'host') encoder.field(name, value)
  })
}

function saysLength(headers: HeaderBlock, length: number | undefined): boolean {
  if (length === undefined) return false
  for (let field = 0; field < headers.count; field++) {
    if (headers.kindAt(field) === FieldKind.CONTENT_LENGTH) return Number(headers.valueAt(field)) === length
  }
  return false
}

/** RFC 9110 10.1.4: TE is for one connection; `trailers` is true of ours, too, since we pass them on. */
function wantsTrailers(headers: HeaderBlock): boolean {
  for (let field = 0; field < headers.count; field++) {
    if (headers.kindAt(field) === FieldKind.TE && listed(headers.valueAt(field)).includes('trailers'))
      return true
  }
  return false
}
