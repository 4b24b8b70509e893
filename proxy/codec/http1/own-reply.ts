/** Responses that the codec itself gives, as bytes: to what it cannot read, and to CONNECT. */
import { HEADER_REASON } from '../../../mesh/protocol.ts'
import type { Failure } from '../../failure.ts'
import { statusLine } from './status-line.ts'

export const CONTINUE: Buffer = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')

/** RFC 2518 10.1; what it says between sidecars stands in `http1/client.ts`. */
export const PROCESSING: Buffer = Buffer.from('HTTP/1.1 102 Processing\r\n\r\n')

/** What opens a tunnel (RFC 9110 9.3.6). */
export const CONNECTED: Buffer = Buffer.from(
  'HTTP/1.1 200 Connection Established\r\nvia: 1.1 selvage\r\n\r\n',
)

/** The answer to a request that failed before any filter saw it, or to a CONNECT; the connection closes behind it. */
export function failureReply(failure: Failure, date: string): Buffer {
  const { status, flag } = failure.row
  const body = `${failure.message}\n`
  return Buffer.from(
    `${statusLine(status)}${HEADER_REASON}: ${flag} ${printable(failure.message)}\r\n` +
      `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `date: ${date}\r\nvia: 1.1 selvage\r\nconnection: close\r\n\r\n${body}`,
  )
}

/** What a field value may hold (RFC 9110 5.5), in ASCII. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]+/g, '?')
