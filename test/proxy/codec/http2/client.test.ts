import { describe, expect, it } from 'vitest'
import { bytesBody } from '../../../../proxy/body.ts'
import { ErrorCode, Flag, FrameType, Setting } from '../../../../proxy/codec/http2/protocol.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { HeaderEdits } from '../../../../proxy/header-block.ts'
import type { Response } from '../../../../proxy/message.ts'
import { asked, Outgoing, outcome, settle } from './asking.ts'
import { type Pairs, setting, uint32 } from './frame-peer.ts'
import { readAll } from './serving.ts'

const OK: Pairs = [[':status', '200']]
const post = (body = 'x'): Outgoing => new Outgoing({ method: 'POST', body: bytesBody(Buffer.from(body)) })
const reset = (code: number): Buffer => uint32(code)

describe('requests', () => {
  it('go out with pseudo-header fields first, fields in lower case, body and Via', async () => {
    const { connection, peer } = await asked()
    connection.send(
      new Outgoing({
        method: 'POST',
        query: 'a=b',
        headers: [
          ['Host', 'shop'],
          ['X-A', '1'],
          ['Connection', 'x-gone'],
          ['TE', 'trailers, deflate'],
        ],
        body: bytesBody(Buffer.from('body')),
      }),
    )
    await settle()
    expect(peer.sections(1)[0]).toEqual([
      [':method', 'POST'],
      [':scheme', 'http'],
      [':authority', 'shop'],
      [':path', '/?a=b'],
      ['x-a', '1'],
      ['te', 'trailers'],
      ['content-length', '4'],
      ['via', '1.1 selvage'],
    ])
    expect([peer.text(1), peer.endOf(1)]).toEqual(['body', true])
  })

  it('go out as filters have changed them', async () => {
    const { connection, peer } = await asked()
    const edits = new HeaderEdits().set('host', 'other').remove('x-a').set('x-b', '2')
    connection.send(
      new Outgoing({
        headers: [
          ['x-a', '1'],
          ['x-b', '1'],
        ],
        edits,
      }),
    )
    await settle()
    const fields = peer.sections(1)[0]!
    expect(fields).toContainEqual([':authority', 'other'])
    expect(fields.filter(([name]) => name.startsWith('x-'))).toEqual([['x-b', '2']])
  })

  it('have streams of their own, and answers in any order', async () => {
    const { connection, peer } = await asked()
    const first = connection.send(new Outgoing())
    const second = connection.send(new Outgoing())
    await settle()
    peer.headers(3, [...OK, ['x', '2']])
    peer.headers(1, [...OK, ['x', '1']])
    expect((await first).headers.get('x')).toBe('1')
    expect((await second).headers.get('x')).toBe('2')
  })
})

describe('responses', () => {
  it('are delivered with body and trailers, and end the request once', async () => {
    const { connection, peer } = await asked()
    const request = new Outgoing()
    const response = connection.send(request)
    await settle()
    peer.headers(1, OK, false)
    peer.data(1, 'some ')
    peer.data(1, 'body')
    peer.headers(1, [['grpc-status', '0']])
    const { bytes, trailers } = await readAll((await response).body)
    expect([bytes.toString(), trailers?.get('grpc-status')]).toEqual(['some body', '0'])
    expect(request.ends).toEqual([undefined])
  })

  it.each([
    ['to HEAD', 'HEAD', 200],
    ['of 304', 'GET', 304],
    ['of length 0', 'GET', 200],
  ])('%s have no body, though their stream ends with an empty frame', async (_, method, status) => {
    const { connection, peer } = await asked()
    const request = new Outgoing({ method })
    const response = connection.send(request)
    await settle()
    peer.headers(
      1,
      [
        [':status', String(status)],
        ['content-length', method === 'HEAD' ? '5' : '0'],
      ],
      false,
    )
    await settle()
    expect((await response).body.length).toBe(0)
    expect(request.ends).toEqual([])
    peer.data(1, '', true)
    await settle()
    expect(request.ends).toEqual([undefined])
  })

  it('pass interim ones on, but not 100, and not the 102 of a sidecar', async () => {
    const { connection, peer } = await asked({ meshPeer: true })
    const request = new Outgoing()
    connection.send(request)
    await settle()
    for (const status of ['100', '102', '103']) peer.headers(1, [[':status', status]], false)
    peer.headers(1, OK)
    await settle()
    expect(request.interims).toEqual([103])
  })

  it('that come before the end of the request mean that the rest is not wanted', async () => {
    const { connection, peer } = await asked()
    const cancelled: Failure[] = []
    const body = {
      length: undefined,
      pipe: () => {},
      resume: () => {},
      cancel: (failure: Failure) => void cancelled.push(failure),
    }
    const request = new Outgoing({ method: 'POST', body })
    const response = connection.send(request)
    await settle()
    peer.headers(1, OK)
    expect((await response).status).toBe(200)
    await settle()
    expect([cancelled.length, peer.resetCode(1), request.ends]).toEqual([1, ErrorCode.NO_ERROR, [undefined]])
  })

  const malformed: [string, Pairs, boolean][] = [
    ['no status', [['x', '1']], true],
    ['a status of letters', [[':status', 'OK!']], true],
    ['two statuses', [...OK, ...OK], true],
    ['a request field', [...OK, [':path', '/']], true],
    ['101', [[':status', '101']], false],
    ['an interim end', [[':status', '103']], true],
    ['Connection', [...OK, ['connection', 'close']], true],
    ['a capital', [...OK, ['X-Up', '1']], true],
    ['a length without body', [...OK, ['content-length', '4']], true],
  ]
  it.each(malformed)('are refused with PROTOCOL_ERROR when they have %s', async (_, fields, endStream) => {
    const { connection, peer } = await asked()
    const request = new Outgoing()
    const response = outcome(connection.send(request))
    await settle()
    peer.headers(1, fields, endStream)
    expect(await response).toMatchObject({ code: 'upstream-protocol' })
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.PROTOCOL_ERROR)
    expect(request.ends).toHaveLength(1)
  })

  it('that are shorter than they said break', async () => {
    const { connection, peer } = await asked()
    const response = connection.send(new Outgoing())
    await settle()
    peer.headers(1, [...OK, ['content-length', '9']], false)
    peer.data(1, 'short', true)
    await expect(readAll((await response).body)).rejects.toMatchObject({ code: 'upstream-protocol' })
  })
})

describe('what no app has seen', () => {
  const verdict = async (
    meshPeer: boolean,
    request: Outgoing,
    act: (asked: Awaited<ReturnType<typeof import('./asking.ts').asked>>) => void,
  ) => {
    const all = await asked({ meshPeer })
    const response = outcome(all.connection.send(request))
    await settle()
    act(all)
    await settle()
    return (await response) as Failure
  }

  it('is a stream that was refused', async () => {
    const failure = await verdict(false, post(), ({ peer }) =>
      peer.send(FrameType.RST_STREAM, 0, 1, reset(ErrorCode.REFUSED_STREAM)),
    )
    expect(failure.code).toBe('not-processed')
  })

  it('is a stream above the last that GOAWAY names', async () => {
    const failure = await verdict(false, post(), ({ peer }) =>
      peer.send(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
    )
    expect(failure.code).toBe('not-processed')
  })

  it('is a request of which no byte was sent', async () => {
    const { connection, client } = await asked()
    const response = outcome(connection.send(post()))
    client.break(new Error('gone'))
    expect(await response).toMatchObject({ code: 'not-processed' })
  })

  it('is what a sidecar has not announced when its connection breaks', async () => {
    const failure = await verdict(true, post(), ({ client }) => client.break(new Error('gone')))
    expect(failure.code).toBe('not-processed')
  })

  it('is not what it has announced', async () => {
    const { connection, peer, client } = await asked({ meshPeer: true })
    const response = outcome(connection.send(post()))
    await settle()
    peer.headers(1, [[':status', '102']], false)
    await settle()
    client.break(new Error('gone'))
    expect(await response).toMatchObject({ code: 'upstream-reset' })
  })

  it.each([
    ['others than sidecars got', false, () => post()],
    ['is idempotent', true, () => new Outgoing()],
  ])('is not what %s', async (_, meshPeer, request) => {
    const failure = await verdict(meshPeer, request(), ({ client }) => client.break(new Error('gone')))
    expect(failure.code).toBe('upstream-reset')
  })

  it('is not what was reset for another reason', async () => {
    const failure = await verdict(true, post(), ({ peer }) =>
      peer.send(FrameType.RST_STREAM, 0, 1, reset(ErrorCode.CANCEL)),
    )
    expect(failure.code).toBe('upstream-reset')
  })

  it('is not known of a peer that fell silent', async () => {
    const { connection, clock } = await asked({
      meshPeer: true,
      http2: { pingAfterMs: 2000, pingTimeoutMs: 2000 },
    })
    const response = outcome(connection.send(post()))
    for (let i = 0; i < 10; i++) await clock.advance(1000)
    expect(await response).toMatchObject({ code: 'upstream-reset' })
  })
})

describe('capacity', () => {
  it('is what the peer allows, and comes back when streams end', async () => {
    const { connection, peer, changes } = await asked({
      settings: [setting(Setting.MAX_CONCURRENT_STREAMS, 2)],
    })
    expect(connection.capacity).toBe(2)
    const response = connection.send(new Outgoing())
    connection.send(new Outgoing())
    expect(connection.capacity).toBe(0)
    await expect(connection.send(new Outgoing())).rejects.toMatchObject({ code: 'not-processed' })
    await settle()
    peer.headers(1, OK)
    await response
    expect(connection.capacity).toBe(1)
    expect(changes.at(-1)).toBe(1)
  })

  it('is gone after GOAWAY, and the connection closes after its last stream', async () => {
    const { connection, peer } = await asked()
    const response = connection.send(new Outgoing())
    await settle()
    peer.send(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(0x7fff_ffff), uint32(0)]))
    await settle()
    expect([connection.capacity, connection.exhausted, peer.ended]).toEqual([0, true, false])
    peer.headers(1, OK)
    expect((await response).status).toBe(200)
    await settle()
    expect([peer.goAwayCode(), peer.ended]).toEqual([ErrorCode.NO_ERROR, true])
  })

  it('is gone after drain, which lets finish what runs', async () => {
    const { connection, peer } = await asked()
    const response = connection.send(new Outgoing())
    connection.drain()
    await settle()
    expect([connection.capacity, peer.ended]).toEqual([0, false])
    peer.headers(1, OK)
    await response
    await settle()
    expect(peer.ended).toBe(true)
  })
})

describe('giving up', () => {
  it('a request resets its stream with CANCEL and leaves the others alone', async () => {
    const { connection, peer } = await asked()
    const request = new Outgoing()
    const given = outcome(connection.send(request))
    const other = connection.send(new Outgoing())
    await settle()
    request.onCancel!(new Failure('per-try-timeout', 'too slow'))
    expect(await given).toMatchObject({ code: 'per-try-timeout' })
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.CANCEL)
    // The answer that was on its way is ignored.
    peer.headers(1, OK)
    peer.headers(3, OK)
    expect((await other).status).toBe(200)
    expect(request.ends.map(failure => failure?.code)).toEqual(['per-try-timeout'])
  })

  it('the body of a response resets its stream with CANCEL', async () => {
    const { connection, peer } = await asked()
    const request = new Outgoing()
    const response = connection.send(request)
    await settle()
    peer.headers(1, OK, false)
    const { body } = await response
    body.cancel(new Failure('downstream-gone', 'nobody reads it'))
    await settle()
    expect([peer.resetCode(1), request.ends.length]).toEqual([ErrorCode.CANCEL, 1])
  })

  it('the source of a request resets its stream, so that nobody takes it for complete', async () => {
    const { connection, peer } = await asked()
    const body = {
      length: undefined,
      pipe: (sink: { write(chunk: Buffer): boolean; reset(failure: Failure): void }) => {
        sink.write(Buffer.from('half'))
        sink.reset(new Failure('downstream-gone', 'the client left'))
      },
      resume: () => {},
      cancel: () => {},
    }
    const response = outcome(connection.send(new Outgoing({ method: 'POST', body })))
    expect(await response).toMatchObject({ code: 'downstream-gone' })
    await settle()
    expect([peer.endOf(1), peer.resetCode(1)]).toEqual([false, ErrorCode.CANCEL])
  })

  it('everything ends every request with the reason', async () => {
    const { connection, closed } = await asked()
    const response = outcome(connection.send(new Outgoing()))
    connection.destroy(new Failure('draining', 'shutting down'))
    expect(await response).toMatchObject({ code: 'draining' })
    await settle()
    expect(closed()).toBe(true)
  })
})

describe('a server that breaks the rules', () => {
  const cases: [string, ErrorCode, (peer: Awaited<ReturnType<typeof asked>>['peer']) => void][] = [
    [
      'pushes',
      ErrorCode.PROTOCOL_ERROR,
      peer =>
        peer.send(FrameType.PUSH_PROMISE, Flag.END_HEADERS, 1, Buffer.concat([uint32(2), peer.block(OK)])),
    ],
    ['answers what nobody asked', ErrorCode.PROTOCOL_ERROR, peer => peer.headers(7, OK)],
    ['opens a stream', ErrorCode.PROTOCOL_ERROR, peer => peer.headers(2, OK)],
    [
      'allows itself to push',
      ErrorCode.PROTOCOL_ERROR,
      peer => peer.send(FrameType.SETTINGS, 0, 0, setting(Setting.ENABLE_PUSH, 1)),
    ],
    [
      'sends half a block',
      ErrorCode.COMPRESSION_ERROR,
      peer => peer.send(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0x40])),
    ],
    ['sends DATA before the head', ErrorCode.STREAM_CLOSED, peer => peer.data(1, 'x')],
    [
      'sends a frame that is too large',
      ErrorCode.FRAME_SIZE_ERROR,
      peer => peer.data(1, Buffer.alloc(16_385)),
    ],
  ]
  it.each(cases)('when it %s: the request fails', async (_, code, act) => {
    const { connection, peer } = await asked()
    const response = outcome(connection.send(new Outgoing()))
    await settle()
    act(peer)
    expect(((await response) as Failure).code).toBe('upstream-protocol')
    await settle()
    expect(peer.goAwayCode() ?? peer.resetCode(1)).toBe(code)
  })

  it('and closes in the middle of an answer: the body breaks', async () => {
    const { connection, peer, server } = await asked()
    const response: Promise<Response> = connection.send(new Outgoing())
    await settle()
    peer.headers(1, OK, false)
    peer.data(1, 'half')
    server.end()
    await expect(readAll((await response).body)).rejects.toMatchObject({ code: 'upstream-reset' })
  })
})
