/** One HTTPS request with a bounded answer. Nothing here is on the request path. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'

export interface HttpsCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly tls: RequestOptions
}

export interface HttpsAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** To the whole answer. */
const TIMEOUT_MS = 10_000
/** A snapshot of a workload that calls everything in a mesh of thousands of services, with room to spare. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Rejects with an `Error` when there is no answer, it is too large, or it takes too long. */
export async function callHttps(call: HttpsCall): Promise<HttpsAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await begin(call, signal)
    const text = await readText(response)
    return { status: response.statusCode ?? 0, headers: response.headers, text }
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${TIMEOUT_MS / 1000} s`) : error
  }
}

/** Resolves at the head; the body is the caller's. */
export const openHttps = (call: HttpsCall, signal: AbortSignal): Promise<IncomingMessage> =>
  begin(call, signal)

function begin(call: HttpsCall, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const { method, url, headers, body, tls } = call
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const sent = request(url, { ...tls, method, headers: { ...headers, ...length }, signal })
  sent.on('response', resolve)
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** The rest of a response as text; a longer one is an error. */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
