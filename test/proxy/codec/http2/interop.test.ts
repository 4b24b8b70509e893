import { execFile } from 'node:child_process'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { bytesBody } from '../../../../proxy/body.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import type { ClientConnection } from '../../../../proxy/codec/codec.ts'
import { http2Client } from '../../../../proxy/codec/http2/client.ts'
import { http2Server } from '../../../../proxy/codec/http2/server.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Request, Response } from '../../../../proxy/message.ts'
import { socketTransport } from '../../../../proxy/socket-transport.ts'
import { describeWith, rig } from '../../../support/rig.ts'
import { Outgoing } from './asking.ts'
import { answer, LIMITS, readAll, text } from './serving.ts'

const run = promisify(execFile)
const closers: (() => void)[] = []

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** The server codec on a port of its own. */
async function serve(handler: (request: Request) => Promise<Response>): Promise<string> {
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    const connection = http2Server(socketTransport(socket), {
      limits: LIMITS,
      normalise: 'base',
      scheme: 'http',
      clock: systemClock,
      serve: handler,
      onProtocolError: () => {},
      onClose: () => {},
    })
    closers.push(() => connection.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const echo = async (request: Request): Promise<Response> =>
  request.path === '/big'
    ? answer(200, [], bytesBody(Buffer.alloc(2_000_000, 'b')))
    : answer(200, [], request.body)

/** The client codec, connected to a server of Node's. */
async function ask(server: Http2Server): Promise<ClientConnection> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const connection = http2Client(socketTransport(socket), {
    limits: LIMITS,
    clock: systemClock,
    meshPeer: false,
    onChange: () => {},
    onClose: () => {},
  })
  closers.push(() => connection.destroy())
  return connection
}

function session(url: string): ClientHttp2Session {
  const opened = connectHttp2(url)
  closers.push(() => opened.destroy())
  return opened
}

describe('node:http2', () => {
  it('as a client sends bodies and trailers and gets them back', async () => {
    const url = await serve(async request => {
      const { bytes, trailers } = await readAll(request.body)
      return answer(200, [['x-sum', trailers?.get('x-sum') ?? 'none']], bytesBody(bytes))
    })
    const stream = session(url).request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
    stream.end(Buffer.alloc(1_000_000, 'a'))
    const [headers] = await once(stream, 'response')
    let length = 0
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    await once(stream, 'end')
    expect([headers[':status'], headers['x-sum'], length]).toEqual([200, '7', 1_000_000])
  })

  it('as a client runs a hundred requests on one connection', async () => {
    const url = await serve(async request => text(request.path))
    const opened = session(url)
    const answers = Array.from({ length: 100 }, async (_, i) => {
      const stream = opened.request({ ':path': `/${i}` })
      stream.setEncoding('utf8')
      let body = ''
      stream.on('data', (chunk: string) => {
        body += chunk
      })
      await once(stream, 'end')
      return body
    })
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => `/${i}`))
  })

  it('as a server answers with bodies and trailers', async () => {
    const server = createHttp2()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.pipe(stream)
    })
    const connection = await ask(server)
    const body = Buffer.alloc(1_000_000, 'x')
    const response = await connection.send(new Outgoing({ method: 'POST', body: bytesBody(body) }))
    const { bytes, trailers } = await readAll(response.body)
    expect(bytes.equals(body)).toBe(true)
    expect(trailers?.get('grpc-status')).toBe('0')
  })

  it('as a server that goes away is not asked again', async () => {
    const server = createHttp2()
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.session?.goaway(0)
      stream.respond({ ':status': 200 }, { endStream: true })
    })
    const connection = await ask(server)
    expect((await connection.send(new Outgoing())).status).toBe(200)
    expect(connection.capacity).toBe(0)
  })
})

describeWith([rig('curl', 'apt-get install curl')], 'curl', () => {
  const curl = async (...args: string[]) =>
    (
      await run('curl', ['-sS', '--http2-prior-knowledge', '--max-time', '10', ...args], {
        encoding: 'buffer',
        maxBuffer: 1 << 24,
      })
    ).stdout

  it('gets a large body', async () => {
    expect(await curl(`${await serve(echo)}/big`)).toHaveLength(2_000_000)
  })

  it('waits for 100 and sends a body', async () => {
    const url = await serve(echo)
    const body = 'c'.repeat(100_000)
    expect((await curl('-H', 'Expect: 100-continue', '--data', body, url)).toString()).toBe(body)
  })
})

describeWith([rig('nghttp', 'apt-get install nghttp2-client')], 'nghttp', () => {
  it('gets several pages on one connection, with priorities', async () => {
    const url = await serve(async request =>
      answer(200, [['x-path', request.path]], bytesBody(Buffer.from(request.path))),
    )
    const { stdout } = await run('nghttp', ['-v', '--timeout=10', `${url}/a`, `${url}/b`])
    expect(stdout).toContain('x-path: /a')
    expect(stdout).toContain('x-path: /b')
    expect(stdout).not.toContain('PROTOCOL_ERROR')
  })

  it('says what it padded', async () => {
    const url = await serve(async () => answer(200, [], bytesBody(Buffer.from('padded'))))
    const { stdout } = await run('nghttp', ['-v', '-b', '64', '--timeout=10', url])
    expect(stdout).toContain('padded')
  })
})

describeWith([rig('h2load', 'apt-get install nghttp2-client')], 'h2load', () => {
  it('gets every answer of many streams on many connections', async () => {
    const url = await serve(async () => ({ ...text('hello'), headers: HeaderBlock.EMPTY }))
    const { stdout } = await run('h2load', ['-n', '2000', '-c', '8', '-m', '32', url])
    expect(stdout).toContain('2000 succeeded, 0 failed, 0 errored')
  })
})
