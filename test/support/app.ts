/** Apps that know nothing of a mesh, and a client for them: real sockets on loopback. */
import { once } from 'node:events'
import { Agent, createServer, type IncomingHttpHeaders, type RequestListener, request } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { afterTest } from './proxy.ts'

export interface App {
  readonly port: number
  /** `METHOD path` of every request that came. */
  readonly requests: string[]
  /** Gone at once, as after SIGKILL: connections are reset, the port refuses. */
  kill(): void
}

/** Answers with what it was asked, unless told otherwise. */
export async function httpApp(name: string, answer: RequestListener = echo(name)): Promise<App> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((message, response) => {
    requests.push(`${message.method} ${message.url}`)
    answer(message, response)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const kill = () => {
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
  }
  afterTest(kill)
  return { port: (server.address() as AddressInfo).port, requests, kill }
}

const echo =
  (name: string): RequestListener =>
  async (message, response) => {
    let body = ''
    for await (const chunk of message) body += chunk
    const { method, url, headers } = message
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ app: name, method, url, headers, body }))
  }

/** Sends back what it gets; ends when the other side has ended. */
export async function tcpEcho(): Promise<{ readonly port: number; readonly open: Set<Socket> }> {
  const open = new Set<Socket>()
  const server = createTcpServer({ allowHalfOpen: true }, socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, open }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly agent?: Agent
}

/** One request; a connection of its own unless an agent is given. */
export function ask(
  url: string,
  { method = 'GET', path = '/', headers = {}, body, agent }: Ask = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = request(new URL(path, url), { method, headers, agent: agent ?? false }, response => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', chunk => {
      text += chunk
    })
    response.on('error', reject)
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
    )
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

export function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true })
  afterTest(() => agent.destroy())
  return agent
}
