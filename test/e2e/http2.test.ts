/** HTTP/2 and HTTP/1.1 on either end of two sidecars, which speak HTTP/2 to each other. */
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  createServer as createHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ask, httpApp } from '../support/app.ts'
import { chain } from '../support/chain.ts'
import { afterTest } from '../support/proxy.ts'

/** An app that speaks HTTP/2 with prior knowledge, and nothing else. */
async function http2App(serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void) {
  const server = createHttp2()
  const sessions: { destroy(): void }[] = []
  server.on('session', session => sessions.push(session))
  server.on('stream', serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(() => {
    server.close()
    for (const session of sessions) session.destroy()
  })
  return { port: (server.address() as AddressInfo).port }
}

const echo = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> => {
  let body = ''
  let trailers: IncomingHttpHeaders = {}
  stream.on('trailers', received => {
    trailers = received
  })
  for await (const chunk of stream) body += chunk
  stream.respond({ ':status': 200, 'content-type': 'application/json' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
  stream.end(JSON.stringify({ headers, body, trailers }))
}

interface Http2Answer {
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  readonly body: string
}

function session(url: string): ClientHttp2Session {
  const opened = connect(url)
  opened.on('error', () => {})
  afterTest(() => opened.destroy())
  return opened
}

async function ask2(
  opened: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body = '',
): Promise<Http2Answer> {
  const stream = opened.request(headers, { endStream: body === '' })
  if (body !== '') stream.end(body)
  let answer: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', received => {
    answer = received
  })
  stream.on('trailers', received => {
    trailers = received
  })
  let text = ''
  for await (const chunk of stream) text += chunk
  return { headers: answer, trailers, body: text }
}

const http2Ports = { ports: [{ port: 80, protocol: 'http2' as const }] }

describe('through two sidecars', () => {
  test('an HTTP/1.1 client reaches an HTTP/2 app: Host is :authority, hop-by-hop fields stay behind', async () => {
    const app = await http2App(echo)
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'http2' }, outbound: http2Ports })
    const answer = await ask(outer.url(), {
      method: 'POST',
      path: '/a?b=c',
      headers: { cookie: 'a=1; b=2', 'keep-alive': 'timeout=5' },
      body: 'hello',
    })
    expect(answer.status).toBe(200)
    const { headers, body } = JSON.parse(answer.body)
    expect(body).toBe('hello')
    expect(headers).toMatchObject({
      ':method': 'POST',
      ':path': '/a?b=c',
      ':scheme': 'http',
      cookie: 'a=1; b=2',
    })
    expect(headers[':authority']).toMatch(/^127\.0\.0\.1:/)
    expect(headers).not.toHaveProperty('host')
    expect(headers).not.toHaveProperty('keep-alive')
    expect(headers).not.toHaveProperty('connection')
  })

  test('an HTTP/2 client reaches an HTTP/1.1 app: cookies are one field, :authority is Host', async () => {
    const app = await httpApp('payments')
    const { outer } = await chain({ apps: [app.port] })
    const answer = await ask2(
      session(outer.url()),
      { ':method': 'PUT', ':path': '/a?b=c', cookie: ['a=1', 'b=2'], te: 'trailers' },
      'hello',
    )
    const { method, url, headers, body } = JSON.parse(answer.body)
    expect([method, url, body]).toEqual(['PUT', '/a?b=c', 'hello'])
    expect(headers).toMatchObject({ cookie: 'a=1; b=2', te: 'trailers' })
    expect(headers.host).toMatch(/^127\.0\.0\.1:/)
    expect(answer.headers).not.toHaveProperty('transfer-encoding')
    expect(answer.headers).not.toHaveProperty('keep-alive')
  })

  test('HTTP/2 from end to end carries trailers both ways', async () => {
    const app = await http2App(echo)
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'http2' }, outbound: http2Ports })
    const stream = session(outer.url()).request({ ':method': 'POST' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-up': '1' }))
    stream.end('body')
    let trailers: IncomingHttpHeaders = {}
    stream.on('trailers', received => {
      trailers = received
    })
    let text = ''
    for await (const chunk of stream) text += chunk
    expect(JSON.parse(text).trailers).toMatchObject({ 'x-up': '1' })
    expect(trailers).toMatchObject({ 'x-sum': '7' })
  })

  test('a large body goes both ways, whole', async () => {
    const app = await http2App(stream => {
      stream.respond({ ':status': 200 })
      stream.pipe(stream)
    })
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'http2' }, outbound: http2Ports })
    const body = 'z'.repeat(3_000_000)
    const answer = await ask2(session(outer.url()), { ':method': 'POST' }, body)
    expect(answer.body === body).toBe(true)
  })

  test('requests at once share one connection to the peer and to the app', async () => {
    const sessions = new Set<unknown>()
    const app = await http2App((stream, headers) => {
      sessions.add(stream.session)
      void echo(stream, headers)
    })
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'http2' }, outbound: http2Ports })
    const opened = session(outer.url())
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ask2(opened, { ':method': 'POST' }, `body ${i}`)),
    )
    expect(answers.map(({ body }) => JSON.parse(body).body)).toEqual(answers.map((_, i) => `body ${i}`))
    expect(sessions.size).toBe(1)
  })

  test('a stream that the app resets breaks the answer of an HTTP/1.1 client', async () => {
    const app = await http2App(stream => {
      stream.respond({ ':status': 200 })
      stream.on('error', () => {})
      stream.write('half', () => stream.destroy(new Error('broken')))
    })
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'http2' }, outbound: http2Ports })
    await expect(ask(outer.url())).rejects.toThrow()
  })

  test('an app that breaks its connection resets the stream of an HTTP/2 client', async () => {
    const app = await httpApp('payments', (_message, response) => {
      response.write('half', () => response.socket?.destroy())
    })
    const { outer } = await chain({ apps: [app.port] })
    const stream = session(outer.url()).request({})
    const [error] = await once(stream.resume(), 'error')
    expect((error as Error).message).toContain('NGHTTP2_INTERNAL_ERROR')
  })
})

const grpcPorts = { ports: [{ port: 80, protocol: 'grpc' as const }] }
const GRPC = {
  ':method': 'POST',
  ':path': '/shop.Till/Pay',
  'content-type': 'application/grpc',
  te: 'trailers',
}

describe('gRPC', () => {
  test('streams messages both ways, and ends with the status in the trailers', async () => {
    const app = await http2App(stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.on('data', (message: Buffer) => stream.write(`seen ${message}`))
      stream.on('end', () => stream.end())
    })
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'grpc' }, outbound: grpcPorts })
    const stream = session(outer.url()).request(GRPC)
    let trailers: IncomingHttpHeaders = {}
    stream.on('trailers', received => {
      trailers = received
    })
    // Each message waits for the answer to the one before it.
    for (const message of ['one', 'two', 'three']) {
      stream.write(message)
      expect(String((await once(stream, 'data'))[0])).toBe(`seen ${message}`)
    }
    stream.end()
    await once(stream, 'close')
    expect(trailers['grpc-status']).toBe('0')
  })

  test('gets a gRPC status when the app is not there', async () => {
    const { outer } = await chain({ apps: [1], inbound: { protocol: 'grpc' }, outbound: grpcPorts })
    const { headers } = await ask2(session(outer.url()), GRPC, 'x')
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '14' })
  })

  test('is ended with DEADLINE_EXCEEDED when grpc-timeout has passed, and the app is told', async () => {
    const closed: number[] = []
    const app = await http2App(stream => {
      stream.on('close', () => closed.push(stream.rstCode))
    })
    const { outer } = await chain({ apps: [app.port], inbound: { protocol: 'grpc' }, outbound: grpcPorts })
    const { headers } = await ask2(session(outer.url()), { ...GRPC, 'grpc-timeout': '100m' }, 'x')
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': '4' })
    await expect.poll(() => closed).toEqual([8])
  })
})
