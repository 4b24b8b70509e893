/**
 * Where failures end: whatever the filters after this one could not do becomes a response that says why. And
 * where `x-selvage-*` is kept honest: only sidecars write it, and only a peer that is proven gets to read what is
 * meant for it.
 */
import { HEADER_NOT_PROCESSED, HEADER_REASON } from '../../mesh/protocol.ts'
import { bytesBody, EMPTY_BODY } from '../body.ts'
import type { Exchange, Filter } from '../exchange.ts'
import { Failure } from '../failure.ts'
import { HeaderBlock } from '../header-block.ts'
import { editsOf, type Response } from '../message.ts'
import type { Log } from '../telemetry/log.ts'

const OWN_FIELDS = 'x-selvage-'
const CLIENT_CERT = 'x-forwarded-client-cert'

export const rescue =
  ({ log }: { readonly log: Log }): Filter<Exchange> =>
  next =>
  async exchange => {
    const inbound = exchange.arrival.direction === 'inbound'
    if (!inbound) stripRequest(exchange)
    try {
      const response = await next(exchange)
      if (inbound) stripResponse(response)
      exchange.answered(response.status)
      return response
    } catch (error) {
      return answer(exchange, asFailure(error, exchange, log))
    }
  }

/** An app has no say in who it is. Inbound, `identity` does the same with what peers send. */
function stripRequest(exchange: Exchange): void {
  const { headers } = exchange.request
  if (headers.hasPrefix(OWN_FIELDS)) exchange.editRequest().removePrefix(OWN_FIELDS)
  if (headers.has(CLIENT_CERT)) exchange.editRequest().remove(CLIENT_CERT)
}

/** An app must not speak for its sidecar: "not processed" in its answer would make callers send a POST twice. */
function stripResponse(response: Response): void {
  if (response.headers.hasPrefix(OWN_FIELDS)) editsOf(response).removePrefix(OWN_FIELDS)
}

/** What is not a `Failure` is a mistake of ours: it goes to the log, and nobody else learns of it. */
function asFailure(error: unknown, { method, path, arrival }: Exchange, log: Log): Failure {
  if (error instanceof Failure) return error
  const { direction, service } = arrival
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error(
    { event: 'internal-error', direction, service, method, path, error: detail },
    'a filter failed in a way that nobody foresaw; the request was answered with 500',
  )
  return new Failure('internal', 'the sidecar failed; its log says more')
}

function answer(exchange: Exchange, failure: Failure): Response {
  const { record, arrival } = exchange
  const { status, flag, safety } = failure.row
  if (record.flag === '-') record.flag = flag
  record.reason = failure.message
  const fields: [string, string][] = [[HEADER_REASON, `${flag} ${printable(failure.message)}`]]
  if (arrival.direction === 'inbound' && arrival.meshPeer && safety === 'unsent') {
    fields.push([HEADER_NOT_PROCESSED, '1'])
  }
  if (isGrpc(exchange)) return grpcAnswer(exchange, failure, fields)
  // RFC 9110 15.5.2: a 401 names how to prove who one is.
  if (status === 401) fields.push(['www-authenticate', 'mutual-tls'])
  fields.push(['content-type', 'text/plain; charset=utf-8'])
  exchange.answeredOurselves(status)
  const body = bytesBody(Buffer.from(`${failure.message}\n`))
  return { status, headers: HeaderBlock.of(fields), body, edits: undefined }
}

const isGrpc = (exchange: Exchange): boolean =>
  exchange.header('content-type')?.startsWith('application/grpc') ?? false

/** Trailers-Only: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses */
function grpcAnswer(exchange: Exchange, failure: Failure, fields: [string, string][]): Response {
  const { grpcStatus } = failure.row
  exchange.answeredOurselves(200)
  exchange.record.grpcStatus = grpcStatus
  fields.push(
    ['content-type', 'application/grpc'],
    ['grpc-status', String(grpcStatus)],
    ['grpc-message', percentEncoded(failure.message)],
  )
  return { status: 200, headers: HeaderBlock.of(fields), body: EMPTY_BODY, edits: undefined }
}

/** What a field value may hold (RFC 9110 5.5), in ASCII. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]+/g, '?')

/** As gRPC's `grpc-message` wants it: printable ASCII, everything else and `%` as UTF-8 in percent-encoding. */
const percentEncoded = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(
      /[^\x20-\x24\x26-\x7e]/g,
      char => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
