/** A client of the real control API, as a proxy is one: HTTPS with roots, and with a certificate once it has one. */
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'

export interface ClientOptions {
  readonly url: string
  readonly ca?: readonly string[]
  readonly cert?: string
  readonly key?: string
  readonly token?: string
}

export interface HttpsAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes.
  readonly body: any
  readonly protocol: string | null
}

export function callHttps(
  { url, ca, cert, key, token }: ClientOptions,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), {
      method,
      agent: false,
      ...(ca === undefined ? { rejectUnauthorized: false } : { ca: [...ca] }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
    })
    sent.on('error', reject)
    sent.on('response', async response => {
      const protocol = (response.socket as TLSSocket).getProtocol()
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      const { statusCode: status = 0, headers: received } = response
      resolve({ status, headers: received, body: text === '' ? undefined : JSON.parse(text), protocol })
    })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** The hint stream, as pieces of text. */
export function openStream({ url, ca, cert, key }: ClientOptions, path: string) {
  const controller = new AbortController()
  const pieces: string[] = []
  let ended = false
  let wake = () => {}
  const sent = request(new URL(path, url), {
    agent: false,
    ca: [...(ca ?? [])],
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    signal: controller.signal,
  })
  const finish = () => {
    ended = true
    wake()
  }
  sent.on('error', finish)
  sent.on('response', response => {
    response.setEncoding('utf8')
    response.on('data', piece => {
      pieces.push(piece)
      wake()
    })
    response.on('end', finish)
    response.on('error', finish)
  })
  sent.end()
  return {
    /** Waits for text that matches; throws when the stream ends before. */
    async until(pattern: RegExp): Promise<string> {
      for (;;) {
        const text = pieces.join('')
        if (pattern.test(text)) {
          pieces.length = 0
          return text
        }
        if (ended) throw new Error(`the stream ended with ${JSON.stringify(text)}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    async end(): Promise<void> {
      while (!ended) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    abort: () => controller.abort(),
  }
}
