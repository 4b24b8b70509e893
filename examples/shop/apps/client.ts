/** How an app of the shop calls another service: plain HTTP to a URL that it was given. */
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { Reply } from './server.ts'

/** What another service answered. */
export interface Answer extends Reply {
  readonly headers: IncomingHttpHeaders
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** What an app hands on from the request that it serves to the one that it makes. */
const HANDED_ON = ['x-user-type', 'x-request-id', 'traceparent']

export function call(method: string, url: URL, from: IncomingMessage): Promise<Answer> {
  const headers: Record<string, string> = { 'content-length': '0' }
  for (const name of HANDED_ON) {
    const value = from.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, agent, headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          headers: response.headers,
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/**
 * The answer of an app that passes on what the next one said: verbatim when it is JSON; otherwise, when somebody in
 * between spoke, all there was to see. `caller` is who the app believes called it.
 */
export function passOn(service: string, caller: string | undefined, answer: Answer): Reply {
  const { status, headers, body } = answer
  const about = JSON.stringify({ service, ...(caller === undefined ? {} : { caller }) })
  const isJson = headers['content-type']?.startsWith('application/json') === true
  const upstream = isJson ? body : JSON.stringify({ status, headers, text: body.trim() })
  return { status, body: `${about.slice(0, -1)},"upstream":${upstream}}` }
}
