/**
 * A plain HTTP server for the shop's apps: JSON in, JSON out. The apps know nothing of Selvage; all they are given is
 * where to listen and the URLs of the services that they call.
 */
import { createServer, type IncomingMessage } from 'node:http'

export interface Reply {
  readonly status: number
  /** JSON text. */
  readonly body: string
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly request: IncomingMessage
}

export const reply = (status: number, value: unknown): Reply => ({ status, body: JSON.stringify(value) })

export const notFound = (): Reply => reply(404, { error: 'there is no such thing here' })

/** The setting `name` of this app. */
export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set`)
  return value
}

/** Serves on `PORT` of 127.0.0.1 and says so on stdout, as one line of JSON. */
export function serve(handle: (call: Call) => Reply | Promise<Reply>): void {
  const server = createServer(async (request, response) => {
    request.resume()
    const { status, body } = await answer({
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      request,
    })
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  })
  const answer = async (call: Call): Promise<Reply> => {
    try {
      return await handle(call)
    } catch (error) {
      return reply(502, { error: String(error) })
    }
  }
  const port = Number(setting('PORT'))
  server.on('error', error => {
    console.error(error.message)
    process.exit(1)
  })
  server.listen(port, '127.0.0.1', () => console.log(JSON.stringify({ event: 'listening', port })))
}
