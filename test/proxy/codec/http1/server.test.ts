import { describe, expect, it } from 'vitest'
import type { BodySource } from '../../../../proxy/body.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { MessageEnd, Request, Response } from '../../../../proxy/message.ts'
import { editsOf } from '../../../../proxy/message.ts'
import { collect } from '../../../support/collect.ts'
import { ManualBody } from '../../../support/manual-body.ts'
import { until } from '../../../support/until.ts'
import { response, serving } from './serving.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const never = () => new Promise<Response>(() => {})
const withBody = (body: BodySource, fields: [string, string][] = []): Response => ({
  status: 200,
  headers: HeaderBlock.of(fields),
  body,
  edits: undefined,
})
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)

describe('an answer', () => {
  it('has the length of its body, a date and Via', async () => {
    const { client } = serving(() => response(200, 'hello', [['x-a', '1']]))
    const text = await client.send(GET).receives('hello')
    expect(text).toBe(
      'HTTP/1.1 200 OK\r\nx-a: 1\r\nvia: 1.1 selvage\r\ncontent-length: 5\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nhello',
    )
  })

  it('keeps the length and the date that it came with', async () => {
    const fields: [string, string][] = [
      ['Content-Length', '5'],
      ['Date', 'yesterday'],
    ]
    const { client } = serving(() => response(200, 'hello', fields))
    expect(await client.send(GET).receives('hello')).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: yesterday\r\nvia: 1.1 selvage\r\n\r\nhello',
    )
  })

  it('says the length of the body that it has, not the one that its fields claim', async () => {
    const { client } = serving(() => response(200, 'hello', [['content-length', '9']]))
    const text = await client.send(GET).receives('hello')
    expect(text).not.toContain('content-length: 9')
    expect(text).toContain('content-length: 5')
  })

  it('leaves out what belonged to the connection that it came on', async () => {
    const fields: [string, string][] = [
      ['Connection', 'x-hop'],
      ['Keep-Alive', 'timeout=5'],
      ['X-A', '1'],
      ['Upgrade', 'h2c'],
      ['Transfer-Encoding', 'chunked'],
      ['X-B', '2'],
    ]
    const { client } = serving(() => response(200, 'hello', fields))
    const text = await client.send(GET).receives('hello')
    expect(text.startsWith('HTTP/1.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\nvia: ')).toBe(true)
  })

  it('carries the changes that filters want', async () => {
    const { client } = serving(() => {
      const changed = response(200, 'hello', [
        ['a', '1'],
        ['b', '2'],
        ['c-x', '3'],
        ['d', '4'],
      ])
      editsOf(changed).set('a', 'new').remove('b').removePrefix('c-').append('d', '5')
      return changed
    })
    const text = await client.send(GET).receives('hello')
    expect(text.startsWith('HTTP/1.1 200 OK\r\nd: 4\r\na: new\r\nd: 5\r\nvia: ')).toBe(true)
  })

  it('is chunked when nobody knows its length, and has its trailers', async () => {
    const body = new ManualBody()
    const { client } = serving(() => withBody(body))
    client.send(GET)
    await until('the body is piped', () => body.sink)
    body
      .write('hello')
      .write('world, how are you?')
      .end(HeaderBlock.of([['grpc-status', '0']]))
    const text = await client.receives('grpc-status')
    expect(text).toContain('transfer-encoding: chunked')
    expect(bodyOf(text)).toBe('5\r\nhello\r\n13\r\nworld, how are you?\r\n0\r\ngrpc-status: 0\r\n\r\n')
  })

  it('ends with the connection for HTTP/1.0 when nobody knows its length', async () => {
    const body = new ManualBody()
    const { client } = serving(() => withBody(body))
    client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
    await until('the body is piped', () => body.sink)
    body.write('hello').end()
    const text = await client.receivesAll()
    expect(text).not.toContain('chunked')
    expect(text).toContain('connection: close')
    expect(bodyOf(text)).toBe('hello')
  })

  it.each([
    ['to HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 200, true],
    ['204', GET, 204, false],
    ['304', GET, 304, true],
  ])('has no body: %s', async (_what, request, status, saysLength) => {
    const { client } = serving(() => response(status, 'hello', [['content-length', '5']]))
    client.send(request).send('GET /second HTTP/1.1\r\nHost: a\r\n\r\n')
    const text = await client.receives(/HTTP[\s\S]*HTTP[\s\S]*\r\n\r\n/)
    expect(text.includes('content-length: 5', 0)).toBe(saysLength)
    expect(bodyOf(text).startsWith('HTTP/1.1')).toBe(true)
  })

  it('goes out as far as it came when its body breaks, and the connection ends', async () => {
    const body = new ManualBody()
    const { client } = serving(() => withBody(body))
    client.send(GET)
    await until('the body is piped', () => body.sink)
    body.write('hello').reset(new Failure('upstream-reset', 'it broke'))
    const text = await client.receivesAll()
    expect(text).toContain('5\r\nhello\r\n')
    expect(text).not.toContain('0\r\n\r\n')
  })

  it('breaks the connection instead of ending it when a body without length breaks', async () => {
    const body = new ManualBody()
    const { client } = serving(() => withBody(body))
    client.send('GET / HTTP/1.0\r\n\r\n')
    await until('the body is piped', () => body.sink)
    body.write('hello')
    await client.receives('hello')
    body.reset(new Failure('upstream-reset', 'it broke'))
    await until('the client sees it', () => client.closed === 'broken')
  })

  it.each([
    ['more', 'hello, and more'],
    ['less', 'hell'],
  ])('breaks off when the body has %s bytes than announced', async (_what, text) => {
    const body = new ManualBody(5)
    const { client } = serving(() => withBody(body))
    client.send(GET)
    await until('the body is piped', () => body.sink)
    body.write(text).end()
    await client.receivesAll()
    expect(bodyOf(client.text).length).toBeLessThan(5)
    expect(body.cancelledBy ?? body.isOver).toBeTruthy()
  })

  it('is 500 when the filters fail in a way that nobody foresaw', async () => {
    const { client } = serving(() => {
      throw new Error('secret')
    })
    const text = await client.send(GET).receivesAll()
    expect(text).toMatch(/^HTTP\/1\.1 500 /)
    expect(text).not.toContain('secret')
  })
})

describe('a connection', () => {
  const answers = (text: string): number => text.split('HTTP/1.1 200').length - 1

  it.each([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', true],
    ['HTTP/1.1 with close', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', false],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', false],
    ['HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', true],
    [
      'GET with a body, which not every server reads',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx',
      false,
    ],
  ])('goes on as the client wants: %s', async (_what, request, goesOn) => {
    const { client } = serving(() => response(200, 'ok'))
    await client.send(request).receives('ok')
    client.send(request)
    if (goesOn) await client.receives(/ok[\s\S]*ok/)
    else {
      expect(await client.receivesAll()).toContain('connection: close')
      expect(answers(client.text)).toBe(1)
    }
  })

  it('answers pipelined requests one after the other, in order', async () => {
    let running = 0
    let most = 0
    const { client } = serving(async request => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setImmediate(resolve))
      running--
      return response(200, `<${request.path}>`)
    })
    client.send(['/1', '/2', '/3', '/4'].map(path => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
    const text = await client.receives('</4>')
    expect(text.match(/<[^>]+>/g)).toEqual(['</1>', '</2>', '</3>', '</4>'])
    expect(most).toBe(1)
  })

  it('does not read ahead more than its limit', async () => {
    const { client } = serving(never, { limits: { maxReadAheadBytes: 1000 }, link: { kernelBytes: 0 } })
    client.send(GET)
    for (let i = 0; i < 100; i++) {
      client.send('x'.repeat(1000))
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(client.transport.pendingBytes).toBeGreaterThan(90_000)
  })

  it('refuses what comes behind a request only after it has answered it', async () => {
    const { client, failures } = serving(() => response(200, 'ok'))
    const text = await client.send(`${GET}nonsense\r\n\r\n`).receivesAll()
    expect(text).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok[\s\S]*HTTP\/1\.1 400 /)
    expect(failures.map(each => each.code)).toEqual(['bad-request'])
  })

  it('is forgotten when it closes', async () => {
    const { client, closed, clock } = serving(() => response(200))
    client.transport.end()
    await until('it is closed', closed)
    expect(clock.pending).toBe(0)
  })

  it('closes when it was idle for too long', async () => {
    const { client, clock } = serving(() => response(200, 'ok'))
    await client.send(GET).receives('ok')
    await clock.advance(59_000)
    expect(client.ended).toBe(false)
    await clock.advance(2000)
    await client.receivesAll()
  })

  it('answers 408 to a header section that takes too long, however it trickles', async () => {
    const { client, clock } = serving(() => response(200))
    client.send('GET / HTTP/1.1\r\n')
    for (let i = 0; i < 6 && !client.ended; i++) {
      await new Promise(resolve => setTimeout(resolve, 1))
      client.send(`x-${i}: y\r\n`)
      await clock.advance(1000)
    }
    expect(await client.receivesAll()).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('answers 408 to a body that stops coming', async () => {
    const { client, clock, requests } = serving(async request => {
      await collect(request.body)
      return response(200)
    })
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
    await until('the request is served', () => requests.length > 0)
    await clock.advance(10_600)
    expect(await client.receivesAll()).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('does not blame the client for a body that nobody reads', async () => {
    const { client, clock, requests } = serving(never)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
    await until('the request is served', () => requests.length > 0)
    await clock.advance(60_000)
    expect(client.text).toBe('')
  })

  it('gives up a client that takes nothing', async () => {
    const body = new ManualBody()
    const { client, clock, requests } = serving(() => withBody(body), {
      link: { kernelBytes: 10, cut: waiting => Math.min(waiting, 1000) },
    })
    client.send(GET)
    await until('the body is piped', () => body.sink)
    client.transport.pause()
    body.write('x'.repeat(20_000))
    await until('it is told to wait', () => body.isPaused)
    let end: MessageEnd | undefined
    requests[0]!.onEnd = each => {
      end = each
    }
    await clock.advance(11_000)
    expect(end?.failure?.code).toBe('downstream-gone')
    expect(body.cancelledBy?.code).toBe('downstream-gone')
  })
})

describe('draining', () => {
  it('lets the running request finish, says close, and ends the connection', async () => {
    let answer = (_: Response): void => {}
    const { client, connection } = serving(() => new Promise(resolve => (answer = resolve)))
    client.send(GET)
    await until('it runs', () => connection.active === 1)
    connection.drain()
    answer(response(200, 'ok'))
    expect(await client.receivesAll()).toMatch(/connection: close\r\n[\s\S]*ok$/)
    expect(connection.active).toBe(0)
  })

  it('still answers a request that was on its way to an idle connection', async () => {
    const { client, connection } = serving(() => response(200, 'ok'))
    connection.drain()
    expect(await client.send(GET).receivesAll()).toMatch(/connection: close\r\n[\s\S]*ok$/)
  })

  it('closes an idle connection soon', async () => {
    const { client, connection, clock } = serving(() => response(200, 'ok'))
    connection.drain()
    await clock.advance(2000)
    expect(await client.receivesAll()).toBe('')
  })
})

describe('a client that goes away', () => {
  const watched = (request: Request) => {
    const seen: { aborts: Failure[]; ends: MessageEnd[] } = { aborts: [], ends: [] }
    request.onAbort = failure => seen.aborts.push(failure)
    request.onEnd = end => seen.ends.push(end)
    return seen
  }

  it('still gets its answer when it has only said that it will send no more', async () => {
    let answer = (_: Response): void => {}
    const { client, requests } = serving(() => new Promise(resolve => (answer = resolve)))
    client.send(GET)
    client.transport.end()
    await until('it runs', () => requests.length > 0)
    const seen = watched(requests[0]!)
    await new Promise(resolve => setTimeout(resolve, 5))
    expect(seen.aborts).toEqual([])
    answer(response(200, 'ok'))
    expect(await client.receivesAll()).toMatch(/connection: close[\s\S]*ok$/)
    expect(seen.ends).toMatchObject([{ failure: undefined }])
  })

  it('aborts its request when the connection breaks while it waits', async () => {
    const { client, requests, closed } = serving(never)
    client.send(GET)
    await until('it runs', () => requests.length > 0)
    const seen = watched(requests[0]!)
    client.transport.reset()
    await until('it is closed', closed)
    expect(seen.aborts.map(each => each.code)).toEqual(['downstream-gone'])
    expect(seen.ends).toMatchObject([{ failure: { code: 'downstream-gone' } }])
  })

  it('aborts its request when it ends within the body', async () => {
    let broken: unknown
    const { client, requests } = serving(async request => {
      await collect(request.body).catch(error => {
        broken = error
      })
      return response(200)
    })
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345')
    await until('it runs', () => requests.length > 0)
    client.transport.end()
    await until('the body breaks', () => broken)
    expect(broken).toMatchObject({ code: 'downstream-gone' })
    expect(await client.receivesAll()).toBe('')
  })

  it('cancels the response that is on its way', async () => {
    const body = new ManualBody()
    const { client, requests } = serving(() => withBody(body))
    client.send(GET)
    await until('the body is piped', () => body.sink)
    const seen = watched(requests[0]!)
    client.transport.reset()
    await until('the body is cancelled', () => body.cancelledBy)
    expect(body.cancelledBy?.code).toBe('downstream-gone')
    expect(seen.ends).toHaveLength(1)
  })

  it('cancels the response that comes too late', async () => {
    let answer = (_: Response): void => {}
    const body = new ManualBody()
    const { client, requests, closed } = serving(() => new Promise(resolve => (answer = resolve)))
    client.send(GET)
    await until('it runs', () => requests.length > 0)
    client.transport.reset()
    await until('it is closed', closed)
    answer(withBody(body))
    await until('the body is cancelled', () => body.cancelledBy)
  })

  it('is told how many bytes went each way', async () => {
    const { client, requests } = serving(async request => {
      watchedEnds = watched(request)
      await collect(request.body)
      return response(200, 'hello!')
    })
    let watchedEnds: ReturnType<typeof watched> | undefined
    client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n',
    )
    await client.receives('hello!')
    expect(requests).toHaveLength(1)
    expect(watchedEnds?.ends).toMatchObject([{ requestBytes: 8, responseBytes: 6, failure: undefined }])
  })
})
