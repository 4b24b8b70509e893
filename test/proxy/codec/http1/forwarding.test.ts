/** One hop: what comes out behind for what goes in in front. */
import { describe, expect, it } from 'vitest'
import type { Request, Response } from '../../../../proxy/message.ts'
import { ManualBody } from '../../../support/manual-body.ts'
import { Outgoing, type OutgoingParts, sending } from './sending.ts'
import { response, serving } from './serving.ts'

/** A request as it leaves for the next hop. */
async function forwarded(
  text: string,
  change: (request: Request) => OutgoingParts = () => ({}),
): Promise<string> {
  const { server, connection } = sending()
  const { client } = serving(request => {
    const { method, path, query, authority, headers, body } = request
    return connection.send(
      new Outgoing({ method, path, query, authority, headers, body, ...change(request) }),
    )
  })
  client.send(text)
  return server.receives('\r\n\r\n')
}

const HOST = 'Host: a\r\n\r\n'
const VIA = 'Host: a\r\nvia: 1.1 selvage\r\n\r\n'

describe('a request line', () => {
  it.each([
    ['is kept', 'GET /a/b.c?d=e HTTP/1.1', 'GET /a/b.c?d=e HTTP/1.1'],
    ['is kept with an empty query', 'GET /a? HTTP/1.1', 'GET /a? HTTP/1.1'],
    ['is kept for a method that nobody knows', 'BREW /pot HTTP/1.1', 'BREW /pot HTTP/1.1'],
    ['is written anew for another version', 'GET /a HTTP/1.9', 'GET /a HTTP/1.1'],
    ['is written anew for HTTP/1.0', 'GET /a HTTP/1.0', 'GET /a HTTP/1.1'],
    ['is written anew for a normalised path', 'GET /a/../b?c HTTP/1.1', 'GET /b?c HTTP/1.1'],
    [
      'is written anew for a path that is as long when it is normalised',
      'GET /a\\b HTTP/1.1',
      'GET /a/b HTTP/1.1',
    ],
    ['is written anew from absolute-form', 'GET http://a/x?y HTTP/1.1', 'GET /x?y HTTP/1.1'],
    ['is written anew for *', 'OPTIONS http://a HTTP/1.1', 'OPTIONS * HTTP/1.1'],
  ])('%s', async (_what, line, expected) => {
    expect(await forwarded(`${line}\r\n${HOST}`)).toBe(`${expected}\r\n${VIA}`)
  })

  it('is kept without the empty line before it', async () => {
    expect(await forwarded(`\r\nGET /a HTTP/1.1\r\n${HOST}`)).toBe(`GET /a HTTP/1.1\r\n${VIA}`)
  })

  it('says what filters make of the request', async () => {
    const changes: OutgoingParts[] = [
      { path: '/longer/than/before' },
      { path: '/' },
      { query: 'q' },
      { method: 'PUT' },
    ]
    const lines: string[] = []
    for (const change of changes) {
      const text = await forwarded(`GET /abc?d HTTP/1.1\r\nX: y\r\n${HOST}`, () => change)
      expect(text.endsWith(`X: y\r\n${VIA}`) || text.includes('content-length: 0')).toBe(true)
      lines.push(text.split('\r\n')[0]!)
    }
    expect(lines).toEqual([
      'GET /longer/than/before?d HTTP/1.1',
      'GET /?d HTTP/1.1',
      'GET /abc?q HTTP/1.1',
      'PUT /abc?d HTTP/1.1',
    ])
  })
})

describe('a response', () => {
  const returned = async (text: string): Promise<string> => {
    const { server, connection } = sending()
    const { client } = serving((): Promise<Response> => connection.send(new Outgoing()))
    client.send(`GET / HTTP/1.1\r\n${HOST}`)
    await server.receives('\r\n\r\n')
    server.send(text)
    return client.receives('\r\n\r\n')
  }

  it.each([
    ['the same status line', 'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'],
    ['a longer reason', 'HTTP/1.1 200 Everything is all right', 'HTTP/1.1 200 OK'],
    ['no reason', 'HTTP/1.1 404', 'HTTP/1.1 404 Not Found'],
    ['another version', 'HTTP/1.0 404 Not Found', 'HTTP/1.1 404 Not Found'],
    ['a status that nobody knows', 'HTTP/1.1 299 Whatever', 'HTTP/1.1 299 '],
  ])('has a status line of ours in front of its fields: %s', async (_what, line, expected) => {
    const text = await returned(`${line}\r\nX-A: 1\r\nContent-Length: 0\r\nDate: d\r\n\r\n`)
    expect(text).toBe(`${expected}\r\nX-A: 1\r\nContent-Length: 0\r\nDate: d\r\nvia: 1.1 selvage\r\n\r\n`)
  })

  it('lets no Connection field take away what is meant for the client', async () => {
    const text = await returned(
      'HTTP/1.1 200 OK\r\nConnection: x-hop, set-cookie, content-length\r\nX-Hop: 1\r\nSet-Cookie: a\r\nContent-Length: 0\r\nDate: d\r\n\r\n',
    )
    expect(text).toBe(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nContent-Length: 0\r\nDate: d\r\nvia: 1.1 selvage\r\n\r\n',
    )
  })
})

describe('several connections in one turn', () => {
  it('never mix their bytes', async () => {
    const served = Array.from({ length: 20 }, () =>
      serving(async ({ path }) => {
        const body = new ManualBody()
        setImmediate(() => body.write(`<${path}`).write('>').end())
        return { ...response(200), body }
      }),
    )
    for (const [i, { client }] of served.entries()) client.send(`GET /${i} HTTP/1.1\r\n${HOST}`.repeat(3))
    for (const [i, { client }] of served.entries()) {
      const text = await client.receives(/(?:0\r\n\r\n[\s\S]*){3}/)
      expect(text.match(/<[^>\r]*/g)).toEqual(Array(3).fill(`</${i}`))
    }
  })
})
