/** A small HTTP server for people and probes; never on the request path. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { joinAddress, ListenError, type Listening } from '../listener/listen.ts'

export interface Reply {
  readonly status: number
  readonly type: 'text' | 'json'
  /** JSON is written with two spaces: people read it. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface ServeOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly answer: (request: IncomingMessage, path: string) => Reply | Promise<Reply>
}

const TYPES = { text: 'text/plain; charset=utf-8', json: 'application/json; charset=utf-8' } as const

/** Rejects with a `ListenError`. `close` ends open connections, too. */
export function serveHttp({ name, host, port, answer }: ServeOptions): Promise<Listening> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000 })
  server.maxConnections = 256
  server.on('request', async (request, response) => {
    request.resume()
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const reply = await replyOrFailure(answer, request, path)
    const body = reply.type === 'json' ? `${JSON.stringify(reply.body, null, 2)}\n` : String(reply.body)
    const headers = { 'content-type': TYPES[reply.type], 'cache-control': 'no-store', ...reply.headers }
    response.writeHead(reply.status, headers)
    response.end(request.method === 'HEAD' ? undefined : body)
  })
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(new ListenError(name, joinAddress(host, port), error, port)))
    server.listen({ host, port }, () => {
      const bound = (server.address() as AddressInfo).port
      const close = () => {
        server.close()
        server.closeAllConnections()
      }
      resolve({ host, port: bound, address: joinAddress(host, bound), close })
    })
  })
}

async function replyOrFailure(
  answer: ServeOptions['answer'],
  request: IncomingMessage,
  path: string,
): Promise<Reply> {
  try {
    return await answer(request, path)
  } catch (error) {
    return text(500, `${(error as Error).message}\n`)
  }
}

export const text = (status: number, body: string, headers: Reply['headers'] = {}): Reply => ({
  status,
  type: 'text',
  body,
  headers,
})
export const json = (body: unknown): Reply => ({ status: 200, type: 'json', body })
