/** How an app of the shop calls another service: plain HTTP to a URL that it was given. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Reply } from './server.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** What an app hands on from the request that it serves to the one that it makes. */
const HANDED_ON = ['x-user-type', 'x-request-id', 'traceparent']

export function call(method: string, url: URL, from: IncomingMessage): Promise<Reply> {
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
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/**
 * The answer of an app that passes on what the next one said, verbatim when it is JSON, as a string otherwise.
 * `caller` is who the app believes called it, from the header that its own sidecar sets.
 */
export function passOn(service: string, caller: string | undefined, answer: Reply): Reply {
  const about = JSON.stringify({ service, ...(caller === undefined ? {} : { caller }) })
  const upstream = isJson(answer.body) ? answer.body : JSON.stringify(answer.body)
  return { status: answer.status, body: `${about.slice(0, -1)},"upstream":${upstream}}` }
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
