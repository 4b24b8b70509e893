import { describe, expect, it } from 'vitest'
import { ErrorCode, Flag, FrameType, MAX_STREAM_ID } from '../../../../proxy/codec/http2/protocol.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Response } from '../../../../proxy/message.ts'
import { GET, type Pairs, POST } from './frame-peer.ts'
import { settle } from './memory-transport.ts'
import { answer, readAll, served, text } from './serving.ts'

const without = (fields: Pairs, name: string): Pairs => fields.filter(([each]) => each !== name)
const withField = (name: string, value: string): Pairs => [...GET, [name, value]]

describe('requests', () => {
  it('are read with their pseudo-header fields, fields and body', async () => {
    const { peer, requests } = await served({
      serve: async request => {
        const { bytes } = await readAll(request.body)
        return text(bytes.toString())
      },
    })
    peer.headers(
      1,
      [
        [':method', 'PUT'],
        [':scheme', 'https'],
        [':authority', 'Shop:80'],
        [':path', '/a/../b?c=d'],
        ['x-a', '1'],
      ],
      false,
    )
    peer.data(1, 'some ')
    peer.data(1, 'body', true)
    await settle()
    const [request] = requests
    expect(request).toMatchObject({
      method: 'PUT',
      scheme: 'http',
      authority: 'shop:80',
      path: '/b',
      query: 'c=d',
      complete: true,
    })
    expect(request!.headers.get('x-a')).toBe('1')
    expect(request!.headers.receivedBy).toBe('2.0')
    expect(peer.text(1)).toBe('some body')
    expect(peer.endOf(1)).toBe(true)
  })

  it('have no body when HEADERS ends the stream', async () => {
    const { peer, requests } = await served()
    peer.headers(1, GET)
    await settle()
    expect(requests[0]!.body.length).toBe(0)
  })

  it('know the length of their body from Content-Length', async () => {
    const { peer, requests } = await served({ serve: () => new Promise<Response>(() => {}) })
    peer.headers(1, [...POST, ['content-length', '3']], false)
    peer.headers(3, POST, false)
    await settle()
    expect(requests.map(({ body }) => body.length)).toEqual([3, undefined])
  })

  it('have one Cookie, however many came', async () => {
    const { peer, requests } = await served()
    peer.headers(1, [...GET, ['cookie', 'a=1'], ['x-b', '2'], ['cookie', 'c=3']])
    await settle()
    expect(requests[0]!.headers.all('cookie')).toEqual(['a=1; c=3'])
    expect(requests[0]!.headers.get('x-b')).toBe('2')
  })

  it('take their authority from Host when there is no :authority', async () => {
    const { peer, requests } = await served()
    peer.headers(1, [...without(GET, ':authority'), ['host', 'Other']])
    await settle()
    expect(requests[0]!.authority).toBe('other')
  })

  it('come with trailers, without those that must not be there', async () => {
    let trailers: HeaderBlock | undefined
    const { peer } = await served({
      serve: async request => {
        trailers = (await readAll(request.body)).trailers
        return text('ok')
      },
    })
    peer.headers(1, POST, false)
    peer.data(1, 'x')
    peer.headers(1, [
      ['x-sum', '7'],
      ['authorization', 'no'],
    ])
    await settle()
    expect(trailers?.get('x-sum')).toBe('7')
    expect(trailers?.has('authorization')).toBe(false)
  })

  it('are answered side by side, in whichever order answers come', async () => {
    const resolve: ((response: Response) => void)[] = []
    const { peer, connection } = await served({ serve: () => new Promise(done => resolve.push(done)) })
    peer.headers(1, GET)
    peer.headers(3, GET)
    await settle()
    expect(connection.active).toBe(2)
    resolve[1]!(text('second'))
    await settle()
    expect([peer.endOf(1), peer.text(3)]).toEqual([false, 'second'])
    resolve[0]!(text('first'))
    await settle()
    expect(peer.text(1)).toBe('first')
    expect(connection.active).toBe(0)
  })
})

describe('a malformed request is refused with PROTOCOL_ERROR and never served', () => {
  const cases: [string, Pairs][] = [
    ['a name has a capital', withField('X-Up', '1')],
    ['a name is empty', withField('', '1')],
    ['a name holds a blank', withField('x y', '1')],
    ['a value holds a CR', withField('x-a', 'b\rc')],
    ['a value holds a LF', withField('x-a', 'b\nc')],
    ['a value holds a NUL', withField('x-a', 'b\0c')],
    ['a value begins with a blank', withField('x-a', ' b')],
    ['a value ends with a tab', withField('x-a', 'b\t')],
    ['Connection is there', withField('connection', 'close')],
    ['Keep-Alive is there', withField('keep-alive', '1')],
    ['Proxy-Connection is there', withField('proxy-connection', 'close')],
    ['Transfer-Encoding is there', withField('transfer-encoding', 'chunked')],
    ['Upgrade is there', withField('upgrade', 'h2c')],
    ['TE says gzip', withField('te', 'gzip')],
    ['Content-Length is no number', withField('content-length', '+3')],
    ['Content-Length stands there twice', [...GET, ['content-length', '0'], ['content-length', '0']]],
    ['Content-Length is not 0 without a body', withField('content-length', '5')],
    ['a name looks like Content-Length', withField('content_length', '5')],
    ['Host stands there twice', [...GET, ['host', 'shop'], ['host', 'shop']]],
    ['Host is another than :authority', withField('host', 'other')],
    [':authority holds user information', [...without(GET, ':authority'), [':authority', 'me@shop']]],
    ['nobody is asked', without(GET, ':authority')],
    [':method is missing', without(GET, ':method')],
    [':method is no token', [[':method', 'G ET'], ...GET.slice(1)]],
    [':scheme is missing', without(GET, ':scheme')],
    [':scheme is unknown', [...without(GET, ':scheme'), [':scheme', 'ftp']]],
    [':path is missing', without(GET, ':path')],
    [':path is empty', [...without(GET, ':path'), [':path', '']]],
    [':path is no path', [...without(GET, ':path'), [':path', 'http://shop/']]],
    [':path is * for GET', [...without(GET, ':path'), [':path', '*']]],
    [':path has a fragment', [...without(GET, ':path'), [':path', '/#a']]],
    [':path stands there twice', [...GET, [':path', '/']]],
    [':status is there', [...GET, [':status', '200']]],
    [':protocol is there', [...GET, [':protocol', 'websocket']]],
    ['a pseudo-header field is behind others', [...without(GET, ':path'), ['x-a', '1'], [':path', '/']]],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'shop:80'],
      ],
    ],
  ]

  it.each(cases)('when %s', async (_, fields) => {
    const { peer, requests, errors } = await served()
    peer.headers(1, fields)
    peer.headers(3, GET)
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(errors).toHaveLength(1)
    // The connection goes on.
    expect(requests).toHaveLength(1)
    expect(peer.text(3)).toBe('hello')
  })
})

describe('a valid request is served', () => {
  const cases: [string, Pairs][] = [
    ['TE says trailers', withField('te', 'trailers')],
    ['a value is empty', withField('x-a', '')],
    ['a value has bytes beyond ASCII', withField('x-a', 'b\xe9c')],
    ['Host says the same in another case', withField('host', 'SHOP')],
    ['OPTIONS asks for *', [[':method', 'OPTIONS'], ...without(GET, ':path').slice(1), [':path', '*']]],
  ]

  it.each(cases)('when %s', async (_, fields) => {
    const { peer } = await served()
    peer.headers(1, fields)
    await settle()
    expect(peer.status(1)).toBe('200')
  })
})

describe('bodies that are not as long as Content-Length says', () => {
  it('end the stream with PROTOCOL_ERROR when they are longer', async () => {
    const { peer, aborts } = await served({
      serve: async request => text((await readAll(request.body)).bytes.toString()),
    })
    peer.headers(1, [...POST, ['content-length', '3']], false)
    peer.data(1, 'four', true)
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(aborts.map(({ code }) => code)).toEqual(['bad-request'])
  })

  it('end the stream with PROTOCOL_ERROR when they are shorter', async () => {
    const { peer } = await served({ serve: () => new Promise<Response>(() => {}) })
    peer.headers(1, [...POST, ['content-length', '5']], false)
    peer.data(1, 'four', true)
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
  })
})

describe('responses', () => {
  it('end the stream with their head when they have no body', async () => {
    const { peer } = await served({ serve: () => answer(204) })
    peer.headers(1, GET)
    await settle()
    expect(peer.of(FrameType.HEADERS, 1)[0]!.flags & Flag.END_STREAM).toBe(1)
    expect(peer.of(FrameType.DATA, 1)).toEqual([])
  })

  it('send head, body and end together: one write, the end in the last DATA frame', async () => {
    const { peer } = await served()
    peer.headers(1, GET)
    await settle()
    expect(peer.of(FrameType.DATA, 1).map(({ flags }) => flags)).toEqual([Flag.END_STREAM])
  })

  it.each([
    ['HEAD', 200],
    ['GET', 304],
    ['GET', 204],
  ])('to %s with %i have no body, whatever the handler gives', async (method, status) => {
    const { peer } = await served({ serve: () => ({ ...text('hello'), status }) })
    peer.headers(1, [[':method', method], ...GET.slice(1)])
    await settle()
    expect(peer.endOf(1)).toBe(true)
    expect(peer.text(1)).toBe('')
    const length = peer.sections(1)[0]!.find(([name]) => name === 'content-length')?.[1]
    expect(length).toBe(status === 204 ? undefined : '5')
  })

  it('lose the fields that belong to HTTP/1.1 connections', async () => {
    const { peer } = await served({
      serve: () =>
        answer(200, [
          ['Connection', 'x'],
          ['Keep-Alive', '5'],
          ['Transfer-Encoding', 'chunked'],
          ['X-Mine', 'Yes'],
        ]),
    })
    peer.headers(1, GET)
    await settle()
    const names = peer.sections(1)[0]!.map(([name]) => name)
    expect(names).toEqual([':status', 'x-mine', 'content-length', 'date', 'via'])
  })

  it('carry the trailers of their body', async () => {
    const { peer, ends } = await served({
      serve: () =>
        answer(200, [], {
          length: undefined,
          pipe(sink) {
            sink.write(Buffer.from('x'))
            sink.end(HeaderBlock.of([['grpc-status', '0']]))
          },
          resume() {},
          cancel() {},
        }),
    })
    peer.headers(1, GET)
    await settle()
    expect(peer.sections(1)[1]).toEqual([['grpc-status', '0']])
    expect(peer.endOf(1)).toBe(true)
    expect(ends[0]).toMatchObject({ responseBytes: 1, failure: undefined })
    expect(ends[0]!.trailers?.get('grpc-status')).toBe('0')
  })

  it('that come before the end of the request end it with RST_STREAM(NO_ERROR)', async () => {
    const { peer, ends, errors } = await served()
    peer.headers(1, POST, false)
    await settle()
    expect([peer.text(1), peer.endOf(1), peer.resetCode(1)]).toEqual(['hello', true, ErrorCode.NO_ERROR])
    expect(ends).toHaveLength(1)
    // What was under way is ignored.
    peer.data(1, 'late', true)
    peer.headers(3, GET)
    await settle()
    expect(peer.text(3)).toBe('hello')
    expect(errors).toEqual([])
  })

  it('that break end their stream with INTERNAL_ERROR, and nobody takes them for complete', async () => {
    const { peer, ends } = await served({
      serve: () =>
        answer(200, [], {
          length: undefined,
          pipe(sink) {
            sink.write(Buffer.from('half'))
            sink.reset(new Failure('upstream-reset', 'it broke'))
          },
          resume() {},
          cancel() {},
        }),
    })
    peer.headers(1, GET)
    await settle()
    expect([peer.endOf(1), peer.resetCode(1)]).toEqual([false, ErrorCode.INTERNAL_ERROR])
    expect(ends.map(({ failure }) => failure?.code)).toEqual(['upstream-reset'])
  })

  it('are 500 when the handler fails', async () => {
    const { peer } = await served({ serve: () => Promise.reject(new Error('oops')) })
    peer.headers(1, GET)
    await settle()
    expect(peer.status(1)).toBe('500')
  })

  it('need CONTINUATION frames when their head is larger than a frame', async () => {
    const { peer } = await served({ serve: () => answer(200, [['x-long', 'a'.repeat(20_000)]]) })
    peer.headers(1, GET)
    await settle()
    expect(peer.of(FrameType.HEADERS, 1)[0]!.flags & Flag.END_HEADERS).toBe(0)
    expect(peer.of(FrameType.CONTINUATION, 1).map(({ flags }) => flags)).toEqual([Flag.END_HEADERS])
  })
})

describe('interim responses', () => {
  it('say 100 when the body is first read, and only if the client waits', async () => {
    const { peer } = await served({
      serve: async request => text((await readAll(request.body)).bytes.toString()),
    })
    peer.headers(1, [...POST, ['expect', '100-continue']], false)
    peer.headers(3, POST, false)
    await settle()
    expect([peer.status(1), peer.status(3)]).toEqual(['100', undefined])
    peer.data(1, 'now', true)
    await settle()
    expect(peer.text(1)).toBe('now')
  })

  it('pass on what comes from where the request went', async () => {
    const { peer } = await served({
      serve: request => {
        request.sendInterim(103, HeaderBlock.of([['link', '</a>']]))
        return text('ok')
      },
    })
    peer.headers(1, GET)
    await settle()
    expect(peer.sections(1)[0]).toEqual([
      [':status', '103'],
      ['link', '</a>'],
    ])
    expect(peer.text(1)).toBe('ok')
  })

  it('announce with 102, once it has left the process, what is not idempotent', async () => {
    const { peer, server } = await served({
      serve: async request => {
        await request.announceProcessing()
        return text(String(server.pendingBytes))
      },
    })
    peer.headers(1, POST)
    peer.headers(3, GET)
    await settle()
    expect(peer.status(1)).toBe('102')
    expect(peer.status(3)).toBe('200')
    expect(peer.text(1)).toBe('0')
  })

  it('announce nothing to a client that has left: the wait ends in a failure', async () => {
    let announced: Promise<void> | undefined
    const { peer, server, client } = await served({
      serve: request => {
        announced = request.announceProcessing()
        announced?.catch(() => {})
        return new Promise<Response>(() => {})
      },
    })
    server.stuck = true
    peer.headers(1, POST)
    await settle()
    client.break(new Error('gone'))
    await expect(announced).rejects.toMatchObject({ code: 'downstream-gone' })
  })
})

describe('a client that leaves', () => {
  it('aborts one request with RST_STREAM', async () => {
    const { peer, aborts, ends, connection } = await served({ serve: () => new Promise<Response>(() => {}) })
    peer.headers(1, GET)
    peer.headers(3, GET)
    await settle()
    peer.send(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]))
    await settle()
    expect(aborts.map(({ code }) => code)).toEqual(['downstream-gone'])
    expect(ends).toHaveLength(1)
    expect(connection.active).toBe(1)
  })

  it('breaks the body of a request that is being read', async () => {
    let broken: unknown
    const { peer } = await served({
      serve: request => {
        readAll(request.body).catch(failure => {
          broken = failure
        })
        return new Promise<Response>(() => {})
      },
    })
    peer.headers(1, POST, false)
    peer.data(1, 'half')
    await settle()
    peer.send(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]))
    await settle()
    expect(broken).toMatchObject({ code: 'downstream-gone' })
  })

  it('aborts all requests when the connection breaks', async () => {
    const { peer, aborts, client, closed } = await served({ serve: () => new Promise<Response>(() => {}) })
    peer.headers(1, GET)
    peer.headers(3, GET)
    await settle()
    client.break(new Error('reset'))
    await settle()
    expect(aborts).toHaveLength(2)
    expect(closed()).toBe(true)
  })

  it('cancels the body of a response that nobody wants any more', async () => {
    const cancelled: Failure[] = []
    const { peer } = await served({
      serve: () =>
        answer(200, [], {
          length: undefined,
          pipe: sink => void sink.write(Buffer.from('x')),
          resume() {},
          cancel: failure => cancelled.push(failure),
        }),
    })
    peer.headers(1, GET)
    await settle()
    peer.send(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]))
    await settle()
    expect(cancelled).toHaveLength(1)
  })
})

describe('drain', () => {
  it('says that an end comes, then where it is, finishes what runs and closes', async () => {
    let resolve: (response: Response) => void = () => {}
    const { peer, connection, closed } = await served({
      serve: () =>
        new Promise(done => {
          resolve = done
        }),
    })
    peer.headers(1, GET)
    await settle()
    connection.drain()
    await settle()
    expect(peer.of(FrameType.GOAWAY).map(({ payload }) => payload.readUInt32BE(0))).toEqual([MAX_STREAM_ID])
    const ping = peer.of(FrameType.PING).at(-1)!
    // A request that was on its way is served.
    peer.headers(3, GET)
    peer.send(FrameType.PING, Flag.ACK, 0, ping.payload)
    await settle()
    expect(peer.of(FrameType.GOAWAY).at(-1)!.payload.readUInt32BE(0)).toBe(3)
    // One that comes now is not.
    peer.headers(5, GET)
    await settle()
    expect(peer.resetCode(5)).toBe(ErrorCode.REFUSED_STREAM)
    resolve(text('last'))
    await settle()
    expect([peer.text(3), peer.ended]).toEqual(['last', false])
    peer.send(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8]))
    await settle()
    expect(peer.ended).toBe(true)
    peer.raw(Buffer.alloc(0))
    expect(closed()).toBe(false)
  })

  it('goes on by itself when the client does not answer', async () => {
    const { peer, connection, clock } = await served()
    connection.drain()
    await clock.advance(1000)
    await settle()
    expect(peer.ended).toBe(true)
  })
})
