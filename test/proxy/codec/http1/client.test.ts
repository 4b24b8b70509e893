import { describe, expect, it } from 'vitest'
import { bytesBody } from '../../../../proxy/body.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock, HeaderEdits } from '../../../../proxy/header-block.ts'
import { collect } from '../../../support/collect.ts'
import { ManualBody } from '../../../support/manual-body.ts'
import { until } from '../../../support/until.ts'
import { Outgoing, type OutgoingParts, rejection, sending } from './sending.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

async function written(parts: OutgoingParts): Promise<string> {
  const { server, connection } = sending()
  connection.send(new Outgoing(parts)).catch(() => {})
  return server.receives('\r\n\r\n')
}

describe('a request on its way out', () => {
  it('is its line, the fields that it came with and Via', async () => {
    const fields: [string, string][] = [
      ['Host', 'Shop'],
      ['X-A', '1'],
    ]
    expect(await written({ path: '/a', query: 'b=c', authority: 'shop', fields })).toBe(
      'GET /a?b=c HTTP/1.1\r\nHost: Shop\r\nX-A: 1\r\nvia: 1.1 selvage\r\n\r\n',
    )
  })

  it('names the authority when its Host says something else or nothing', async () => {
    const line = 'GET / HTTP/1.1\r\nhost: a\r\n'
    expect(await written({ fields: [['Host', 'b']] })).toBe(`${line}via: 1.1 selvage\r\n\r\n`)
    expect(await written({ fields: [['X', 'y']] })).toBe(`${line}X: y\r\nvia: 1.1 selvage\r\n\r\n`)
  })

  it('leaves out what belonged to the connection that it came on', async () => {
    const fields: [string, string][] = [
      ['Connection', 'keep-alive, x-hop'],
      ['Host', 'a'],
      ['Upgrade', 'websocket'],
      ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
      ['Proxy-Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=5'],
      ['X-A', '1'],
      ['Expect', '100-continue'],
    ]
    expect(await written({ fields })).toBe('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nvia: 1.1 selvage\r\n\r\n')
  })

  it('says for this connection that trailers are welcome when the client has said so', async () => {
    const fields: [string, string][] = [
      ['host', 'a'],
      ['TE', 'gzip;q=0.5, trailers'],
    ]
    expect(await written({ fields })).toContain('\r\nte: trailers\r\nconnection: te\r\n')
  })

  it('carries the changes that filters want, Host too', async () => {
    const edits = new HeaderEdits().set('x-a', 'new').remove('x-b').set('host', 'b')
    const fields: [string, string][] = [
      ['Host', 'a'],
      ['X-A', '1'],
      ['X-B', '2'],
      ['X-C', '3'],
    ]
    expect(await written({ fields, edits })).toBe(
      'GET / HTTP/1.1\r\nX-C: 3\r\nx-a: new\r\nhost: b\r\nvia: 1.1 selvage\r\n\r\n',
    )
  })

  it('has the length of its body, whatever its fields claim', async () => {
    const { server, connection } = sending()
    const fields: [string, string][] = [
      ['host', 'a'],
      ['Content-Length', '9'],
    ]
    connection
      .send(new Outgoing({ method: 'POST', fields, body: bytesBody(Buffer.from('hello')) }))
      .catch(() => {})
    const text = await server.receives('hello')
    expect(text).toBe('POST / HTTP/1.1\r\nhost: a\r\nvia: 1.1 selvage\r\ncontent-length: 5\r\n\r\nhello')
  })

  it.each([
    ['POST', true],
    ['GET', false],
  ])('says the length of an empty body where one is expected: %s', async (method, says) => {
    expect((await written({ method })).includes('content-length: 0')).toBe(says)
  })

  it('never announces a body that does not come', async () => {
    expect(
      await written({
        fields: [
          ['host', 'a'],
          ['content-length', '5'],
        ],
      }),
    ).not.toContain('content-length')
  })

  it('is chunked when nobody knows its length, and has its trailers', async () => {
    const { server, connection } = sending()
    const body = new ManualBody()
    connection.send(new Outgoing({ method: 'POST', body })).catch(() => {})
    body.write('hello').end(HeaderBlock.of([['x-sum', '1']]))
    const text = await server.receives('x-sum')
    expect(text).toMatch(/transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n$/)
  })

  it('is the last on its connection when it is a GET with a body, which not every server reads', async () => {
    const { server, connection } = sending()
    connection.send(new Outgoing({ body: bytesBody(Buffer.from('x')) })).catch(() => {})
    expect(await server.receives('\r\n\r\n')).toContain('connection: close')
    server.send(OK)
    await until('the connection takes no more', () => connection.exhausted)
  })

  it('may be larger than a buffer', async () => {
    const fields: [string, string][] = Array.from({ length: 20 }, (_, i) => [`x-${i}`, 'y'.repeat(8000)])
    const text = await written({ fields: [['host', 'a'], ...fields] })
    expect(text.length).toBeGreaterThan(160_000)
    expect(text).toContain(`x-19: ${'y'.repeat(8000)}\r\nvia`)
  })
})

describe('a response', () => {
  const answered = async (text: string, parts: OutgoingParts = {}) => {
    const sent = sending()
    const request = new Outgoing(parts)
    const response = sent.connection.send(request)
    sent.server.send(text)
    return { ...sent, request, response: await response }
  }

  it('is its status, its fields and its body', async () => {
    const { response } = await answered(OK)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe('2')
    expect(await collect(response.body)).toEqual({ text: 'ok', trailers: undefined })
  })

  it('frees the connection at once when its body has come with it, whoever reads that when', async () => {
    const { response, request, connection, changes } = await answered(OK)
    expect(request.ends).toEqual([undefined])
    expect(request.onCancel).toBeUndefined()
    expect(changes).toEqual([1])
    expect(connection).toMatchObject({ capacity: 1, sent: 1, exhausted: false })
    expect((await collect(response.body)).text).toBe('ok')
  })

  it('frees the connection with the last byte of a body that comes later', async () => {
    const { response, request, connection, server } = await answered(
      'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab',
    )
    const body = collect(response.body)
    expect(request.ends).toEqual([])
    expect(connection.capacity).toBe(0)
    server.send('cd')
    expect((await body).text).toBe('abcd')
    expect(request.ends).toEqual([undefined])
    expect(connection.capacity).toBe(1)
  })

  it('is read chunk by chunk, with its trailers', async () => {
    const { response } = await answered(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nGrpc-Status: 0\r\n\r\n',
    )
    const { text, trailers } = await collect(response.body)
    expect([text, trailers?.get('grpc-status')]).toEqual(['hello', '0'])
  })

  it('ends with the connection when nothing else ends it', async () => {
    const { response, server, connection } = await answered('HTTP/1.1 200 OK\r\n\r\nhello')
    server.transport.end()
    expect((await collect(response.body)).text).toBe('hello')
    expect(connection.exhausted).toBe(true)
  })

  it('breaks when the connection breaks that should end it', async () => {
    const { response, server } = await answered('HTTP/1.1 200 OK\r\n\r\nhello')
    server.transport.reset()
    await expect(collect(response.body)).rejects.toMatchObject({ code: 'upstream-reset' })
  })

  it('breaks when the connection ends before it is complete', async () => {
    const { response, server, request } = await answered('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    const body = collect(response.body)
    server.transport.end()
    await expect(body).rejects.toMatchObject({ code: 'upstream-reset' })
    expect(request.ends).toMatchObject([{ code: 'upstream-reset' }])
  })

  it('is good when it was complete before the connection broke, however late it is read', async () => {
    const { response, server, near } = await answered('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
    server.transport.destroy()
    await until('the connection is gone', () => near.destroyed)
    expect((await collect(response.body)).text).toBe('hello')
  })

  it.each([
    ['to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
    ['to HEAD, chunked', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
  ])('has no body: %s', async (_what, method, text) => {
    const { response, connection, request } = await answered(text, { method })
    expect(response.body.length).toBe(0)
    expect(request.ends).toEqual([undefined])
    expect(connection.capacity).toBe(1)
  })

  it.each([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', 0],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', 0],
    ['HTTP/1.0 with keep-alive', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n', 1],
    ['bytes behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n', 0],
  ])('lets the connection go on or not: %s', async (_what, text, capacity) => {
    const { connection } = await answered(text)
    expect(connection.capacity).toBe(capacity)
    expect(connection.exhausted).toBe(capacity === 0)
  })

  it('is never the answer to the next request when it comes unasked', async () => {
    const sent = sending()
    const first = sent.connection.send(new Outgoing())
    let second: Promise<unknown> = Promise.resolve()
    sent.changes.push = () => {
      if (sent.connection.capacity > 0) second = sent.connection.send(new Outgoing()).catch(() => 'failed')
      return 0
    }
    sent.server.send('HTTP/1.1 204 One\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmuggled')
    expect((await first).status).toBe(204)
    expect(await second).toBeUndefined()
    expect(sent.connection.exhausted).toBe(true)
  })

  it('may have interim ones before it: 100 is ours, the others are the client’s', async () => {
    const { request, response } = await answered(
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`,
    )
    expect(response.status).toBe(200)
    expect(request.interims).toEqual([103, 102])
  })

  it.each([
    ['no status line', 'nonsense\r\n\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status beyond 599', 'HTTP/1.1 600 OK\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['another transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n'],
    ['an empty line before it', `\r\n${OK}`],
    ['a header section beyond the limit', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(9000)}\r\n\r\n`],
  ])('is refused when it cannot be read: %s', async (_what, text) => {
    const { server, connection } = sending()
    const failure = rejection(connection.send(new Outgoing()))
    server.send(text)
    expect(await failure).toMatchObject({ code: 'upstream-protocol' })
    expect(connection.exhausted).toBe(true)
  })

  it('breaks when its chunks cannot be read', async () => {
    const { response } = await answered(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n',
    )
    await expect(collect(response.body)).rejects.toMatchObject({ code: 'upstream-protocol' })
  })

  it('that comes before the whole request ends both', async () => {
    const body = new ManualBody()
    const { response, connection, request } = await answered(OK, { method: 'POST', body })
    expect((await collect(response.body)).text).toBe('ok')
    expect(request.ends).toEqual([undefined])
    expect(body.cancelledBy?.code).toBe('cancelled')
    expect(connection.exhausted).toBe(true)
  })
})

describe('what no app has seen', () => {
  const broken = async (parts: OutgoingParts, meshPeer: boolean, before: string, how: 'end' | 'reset') => {
    const { server, connection } = sending({ meshPeer })
    const request = new Outgoing(parts)
    const failure = rejection(connection.send(request))
    await server.receives('\r\n\r\n')
    server.send(before)
    if (how === 'end') server.transport.end()
    else {
      await new Promise(resolve => setTimeout(resolve, 2))
      server.transport.reset()
    }
    expect(request.ends).toEqual([await failure])
    return (await failure).code
  }

  it.each([
    ['POST', true, '', 'end', 'not-processed'],
    ['POST', true, '', 'reset', 'not-processed'],
    ['POST', true, 'HTTP/1.1 102 Processing\r\n\r\n', 'end', 'upstream-reset'],
    ['POST', true, 'HTTP/1.1 102 Processing\r\n\r\n', 'reset', 'upstream-reset'],
    ['POST', true, 'HTTP/1.1 2', 'end', 'upstream-reset'],
    ['PUT', true, '', 'end', 'upstream-reset'],
    ['GET', true, '', 'reset', 'upstream-reset'],
    ['POST', false, '', 'end', 'upstream-reset'],
    ['POST', false, '', 'reset', 'upstream-reset'],
  ] as const)(
    '%s to a mesh peer (%s), which says %j and then %s: %s',
    async (method, meshPeer, before, how, code) => {
      expect(await broken({ method }, meshPeer, before, how)).toBe(code)
    },
  )

  it('is a request whose connection is known to be closed', async () => {
    const { connection, near } = sending()
    near.destroyed = true
    const request = new Outgoing({ method: 'POST' })
    expect(await rejection(connection.send(request))).toMatchObject({ code: 'not-processed' })
    expect(request.ends).toHaveLength(1)
  })

  it('is a request whose first write failed at once', async () => {
    const { connection, near } = sending()
    near.write = () => {
      near.destroyed = true
      return false
    }
    expect(await rejection(connection.send(new Outgoing({ method: 'POST' })))).toMatchObject({
      code: 'not-processed',
    })
  })
})

describe('cancelling', () => {
  it('breaks the connection, the request and the promise', async () => {
    const { connection, server } = sending()
    const body = new ManualBody()
    const request = new Outgoing({ method: 'POST', body })
    const failure = rejection(connection.send(request))
    const why = new Failure('per-try-timeout', 'too slow')
    request.onCancel!(why)
    expect(await failure).toBe(why)
    expect(request.ends).toEqual([why])
    expect(body.cancelledBy).toBe(why)
    await until('the connection ends', () => server.ended || server.closed !== 'no')
  })

  it('resets the response body that is being read', async () => {
    const { connection, server } = sending()
    const request = new Outgoing()
    const sent = connection.send(request)
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    const body = collect((await sent).body)
    request.onCancel!(new Failure('idle-timeout', 'too slow'))
    await expect(body).rejects.toMatchObject({ code: 'idle-timeout' })
  })

  it('of the response body breaks the connection', async () => {
    const { connection, server } = sending()
    const request = new Outgoing()
    const sent = connection.send(request)
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    const response = await sent
    const why = new Failure('downstream-gone', 'left')
    response.body.cancel(why)
    expect(request.ends).toEqual([why])
    expect(connection.exhausted).toBe(true)
  })

  it('a broken request body breaks the request: it must not look complete', async () => {
    const { connection, server } = sending()
    const body = new ManualBody()
    const failure = rejection(connection.send(new Outgoing({ method: 'POST', body })))
    body.write('hello')
    await server.receives('hello')
    body.reset(new Failure('downstream-gone', 'left'))
    expect(await failure).toMatchObject({ code: 'downstream-gone' })
    await until('the connection ends', () => server.ended || server.closed !== 'no')
    expect(server.text).not.toContain('\r\n0\r\n')
  })
})

describe('a connection', () => {
  it('takes one request at a time', async () => {
    const { connection } = sending()
    connection.send(new Outgoing()).catch(() => {})
    expect(connection.capacity).toBe(0)
    expect(await rejection(connection.send(new Outgoing()))).toMatchObject({ code: 'not-processed' })
  })

  it('says that it takes no more when the other side closes it while idle', async () => {
    const { connection, server, changes, closed } = sending()
    server.transport.end()
    await until('it is closed', closed)
    expect(changes).toEqual([0])
    expect(connection.exhausted).toBe(true)
  })

  it('closes when something comes that nobody asked for', async () => {
    const { server, closed } = sending()
    server.send('HTTP/1.1 408 Request Timeout\r\n\r\n')
    await until('it is closed', closed)
  })

  it('closes at once when it is drained while idle, and after its request while busy', async () => {
    const idle = sending()
    idle.connection.drain()
    await until('it is closed', idle.closed)
    const busy = sending()
    const sent = busy.connection.send(new Outgoing())
    busy.connection.drain()
    busy.server.send(OK)
    expect((await collect((await sent).body)).text).toBe('ok')
    await until('it is closed', busy.closed)
  })

  it('fails its request when it is destroyed', async () => {
    const { connection } = sending()
    const failure = rejection(connection.send(new Outgoing()))
    connection.destroy(new Failure('draining', 'over'))
    expect(await failure).toMatchObject({ code: 'draining' })
  })

  it('closes when it was idle for too long', async () => {
    const { clock, closed } = sending()
    await clock.advance(59_000)
    expect(closed()).toBe(false)
    await clock.advance(2000)
    await until('it is closed', closed)
    expect(clock.pending).toBe(0)
  })

  it('gives up a body that stops coming, but not one that nobody reads', async () => {
    const { clock, connection, server } = sending()
    const request = new Outgoing()
    const sent = connection.send(request)
    server.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
    const response = await sent
    await clock.advance(60_000)
    expect(request.ends).toEqual([])
    const body = collect(response.body)
    body.catch(() => {})
    await clock.advance(11_000)
    await expect(body).rejects.toMatchObject({ code: 'idle-timeout' })
  })
})
