import { describe, expect, it } from 'vitest'
import { bytesBody } from '../../../../proxy/body.ts'
import {
  CLIENT_PREFACE,
  ErrorCode,
  Flag,
  FrameType,
  Setting,
} from '../../../../proxy/codec/http2/protocol.ts'
import { http2Server } from '../../../../proxy/codec/http2/server.ts'
import type { Response } from '../../../../proxy/message.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { FramePeer, frame, GET, POST, setting, uint32 } from './frame-peer.ts'
import { settle, transportPair } from './memory-transport.ts'
import { answer, LIMITS, readAll, type ServeOptions, served, text } from './serving.ts'

const forever = (): Promise<Response> => new Promise(() => {})
const CANCEL = uint32(ErrorCode.CANCEL)

/** What a flood must end in. */
async function expectCalm(
  options: ServeOptions,
  flood: (served: Awaited<ReturnType<typeof import('./serving.ts').served>>) => void,
  defence: string,
): Promise<void> {
  const connection = await served(options)
  flood(connection)
  await settle(30)
  expect(connection.peer.goAwayCode()).toBe(ErrorCode.ENHANCE_YOUR_CALM)
  expect(connection.defences).toContain(defence)
  expect(connection.peer.ended).toBe(true)
}

describe('floods end the connection with ENHANCE_YOUR_CALM', () => {
  const http2 = { maxIdleFrames: 50, maxResets: 20, maxSettings: 10 }

  it('of streams that are opened and reset (CVE-2023-44487)', () =>
    expectCalm(
      { http2, serve: forever },
      ({ peer }) => {
        for (let id = 1; id < 100; id += 2) {
          peer.headers(id, GET)
          peer.send(FrameType.RST_STREAM, 0, id, CANCEL)
        }
      },
      'rapid-reset',
    ))

  it('of streams that the client makes us reset (CVE-2025-8671)', () =>
    expectCalm(
      { http2, serve: forever },
      ({ peer }) => {
        for (let id = 1; id < 100; id += 2) {
          peer.headers(id, GET)
          peer.send(FrameType.WINDOW_UPDATE, 0, id, uint32(0))
        }
      },
      'rapid-reset',
    ))

  it('of malformed requests', () =>
    expectCalm(
      { http2 },
      ({ peer }) => {
        for (let id = 1; id < 100; id += 2) peer.headers(id, GET.slice(1))
      },
      'rapid-reset',
    ))

  it('of SETTINGS', () =>
    expectCalm(
      { http2 },
      ({ peer }) => {
        for (let i = 0; i < 20; i++) peer.send(FrameType.SETTINGS, 0, 0)
      },
      'settings-flood',
    ))

  it('of PING', () =>
    expectCalm(
      { http2 },
      ({ peer }) => {
        for (let i = 0; i < 60; i++) peer.send(FrameType.PING, 0, 0, Buffer.alloc(8))
      },
      'ping-flood',
    ))

  it('of PRIORITY', () =>
    expectCalm(
      { http2 },
      ({ peer }) => {
        for (let i = 0; i < 60; i++) peer.send(FrameType.PRIORITY, 0, 1, Buffer.from([0, 0, 0, 3, 1]))
      },
      'priority-flood',
    ))

  it('of WINDOW_UPDATE', () =>
    expectCalm(
      { http2, serve: forever },
      ({ peer }) => {
        peer.headers(1, GET)
        for (let i = 0; i < 60; i++) peer.send(FrameType.WINDOW_UPDATE, 0, 1, uint32(1))
      },
      'window-update-flood',
    ))

  it('of empty DATA', () =>
    expectCalm(
      { http2, serve: forever },
      ({ peer }) => {
        peer.headers(1, POST, false)
        for (let i = 0; i < 60; i++) peer.data(1, '')
      },
      'empty-data-flood',
    ))

  it('of unknown frames', () =>
    expectCalm(
      { http2 },
      ({ peer }) => {
        for (let i = 0; i < 60; i++) peer.send(0xbe, 0, 0)
      },
      'unknown-frame-flood',
    ))

  it('of CONTINUATION', () =>
    expectCalm(
      { http2: { maxContinuations: 4 } },
      ({ peer }) => {
        peer.send(FrameType.HEADERS, 0, 1, peer.block(GET))
        for (let i = 0; i < 6; i++) peer.send(FrameType.CONTINUATION, 0, 1, '')
      },
      'continuation-flood',
    ))

  it('of header blocks without end', () =>
    expectCalm(
      { limits: { maxHeaderBytes: 8192 } },
      ({ peer }) => {
        peer.send(FrameType.HEADERS, 0, 1, Buffer.alloc(16_000))
        peer.send(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000))
      },
      'continuation-flood',
    ))

  it('of questions whose answers are not read', () =>
    expectCalm(
      { http2: { maxPendingBytes: 1000 } },
      ({ peer, server }) => {
        server.stuck = true
        for (let i = 0; i < 200; i++) peer.send(FrameType.PING, 0, 0, Buffer.alloc(8))
        setImmediate(() => setImmediate(() => setImmediate(() => server.unstick())))
      },
      'write-stall',
    ))
})

describe('who works is not stopped', () => {
  it('by resets among requests that run to their end', async () => {
    const { peer, defences } = await served({ http2: { maxResets: 5 } })
    for (let id = 1; id < 100; id += 4) {
      peer.headers(id, GET)
      await settle(3)
      peer.headers(id + 2, POST, false)
      peer.send(FrameType.RST_STREAM, 0, id + 2, CANCEL)
      await settle(3)
    }
    expect([defences, peer.goAwayCode()]).toEqual([[], undefined])
  })

  it('by a PING for each request', async () => {
    const { peer, defences } = await served({ http2: { maxIdleFrames: 5 } })
    for (let id = 1; id < 100; id += 2) {
      peer.headers(id, GET)
      peer.send(FrameType.PING, 0, 0, Buffer.alloc(8))
    }
    await settle(30)
    expect([defences, peer.goAwayCode()]).toEqual([[], undefined])
  })
})

describe('headers', () => {
  it('of more bytes than are allowed are answered with 431, and the connection goes on', async () => {
    const { peer, requests, defences } = await served({ limits: { maxHeaderBytes: 500 } })
    peer.headers(1, [...GET, ['x-long', 'a'.repeat(600)]])
    peer.headers(3, GET)
    await settle()
    expect([peer.status(1), peer.status(3)]).toEqual(['431', '200'])
    expect(requests).toHaveLength(1)
    expect(defences).toEqual(['header-list'])
  })

  it('of more fields than are allowed are answered with 431', async () => {
    const { peer } = await served({ limits: { maxHeaderCount: 3 } })
    peer.headers(1, [...GET, ['a', '1'], ['b', '2'], ['c', '3'], ['d', '4']])
    await settle()
    expect(peer.status(1)).toBe('431')
  })

  it('that grow out of the dynamic table (HPACK bomb) are answered with 431', async () => {
    const { peer, requests } = await served()
    // What came twice is in the table.
    peer.headers(1, [...GET, ['x-bomb', 'a'.repeat(3000)]])
    peer.headers(3, [...GET, ['x-bomb', 'a'.repeat(3000)]])
    await settle()
    const bomb = Buffer.concat([
      peer.block(GET),
      Buffer.alloc(15_000, peer.block([['x-bomb', 'a'.repeat(3000)]])),
    ])
    peer.send(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 5, bomb)
    await settle()
    expect(peer.status(5)).toBe('431')
    expect(requests).toHaveLength(2)
  })

  it('with a path that is too long are answered with 414', async () => {
    const { peer } = await served({ limits: { maxLineBytes: 100 } })
    peer.headers(1, [...GET.slice(0, 3), [':path', `/${'a'.repeat(100)}`]])
    await settle()
    expect(peer.status(1)).toBe('414')
  })

  it('that take too long to come end the connection', async () => {
    const { peer, clock, defences } = await served()
    peer.send(FrameType.HEADERS, 0, 1, peer.block(GET))
    await settle()
    for (let i = 0; i < 8; i++) await clock.advance(1000)
    await settle()
    expect([peer.goAwayCode(), defences]).toEqual([ErrorCode.ENHANCE_YOUR_CALM, ['slow-headers']])
  })
})

describe('streams', () => {
  it('beyond the limit are refused', async () => {
    const { peer, connection, defences } = await served({
      serve: forever,
      http2: { maxConcurrentStreams: 2 },
    })
    for (const id of [1, 3, 5]) peer.headers(id, GET)
    await settle()
    expect([peer.resetCode(5), connection.active, defences]).toEqual([
      ErrorCode.REFUSED_STREAM,
      2,
      ['stream-limit'],
    ])
  })

  it('are refused while handlers of streams that were reset are still at work', async () => {
    const { peer, requests } = await served({ serve: forever, http2: { maxConcurrentStreams: 2 } })
    for (let id = 1; id <= 11; id += 2) {
      peer.headers(id, GET)
      peer.send(FrameType.RST_STREAM, 0, id, CANCEL)
    }
    await settle()
    expect(requests).toHaveLength(4)
  })
})

describe('bodies', () => {
  it('larger than is allowed are answered with 413, announced or not', async () => {
    const { peer, aborts } = await served({
      serve: async request => text((await readAll(request.body)).bytes.toString()),
      limits: { maxBodyBytes: 10 },
    })
    peer.headers(1, [...POST, ['content-length', '11']], false)
    peer.headers(3, POST, false)
    peer.data(3, 'x'.repeat(11))
    await settle()
    expect([peer.status(1), peer.status(3)]).toEqual(['413', '413'])
    expect(aborts.map(({ code }) => code)).toEqual(['body-too-large'])
  })

  it('that do not come are answered with 408', async () => {
    const { peer, clock, defences } = await served({
      serve: async request => text((await readAll(request.body)).bytes.toString()),
    })
    peer.headers(1, POST, false)
    for (let i = 0; i < 14; i++) await clock.advance(1000)
    await settle()
    expect([peer.status(1), defences]).toEqual(['408', ['slow-body']])
  })

  it('may rest as long as they like once the answer has begun', async () => {
    const { peer, clock } = await served({ serve: request => answer(200, [], request.body) })
    peer.headers(1, POST, false)
    for (let i = 0; i < 20; i++) {
      await clock.advance(1000)
      if (i % 5 === 0) peer.send(FrameType.PING, 0, 0, Buffer.alloc(8))
      await settle(2)
    }
    expect([peer.status(1), peer.resetCode(1)]).toEqual(['200', undefined])
  })

  it('that nobody takes end their stream', async () => {
    const { peer, clock, defences, ends } = await served({
      serve: () => answer(200, [], bytesBody(Buffer.alloc(100))),
      settings: [setting(Setting.INITIAL_WINDOW_SIZE, 10)],
    })
    peer.headers(1, GET)
    for (let i = 0; i < 14; i++) await clock.advance(1000)
    await settle()
    expect([peer.resetCode(1), defences]).toEqual([ErrorCode.CANCEL, ['slow-reader']])
    expect(ends.map(({ failure }) => failure?.code)).toEqual(['downstream-gone'])
  })

  it('of a client that reads nothing at all end the connection', async () => {
    const { peer, clock, defences, server, closed } = await served({
      serve: () => answer(200, [], bytesBody(Buffer.alloc(60_000))),
      pair: { highWaterBytes: 1000 },
    })
    server.stuck = true
    peer.headers(1, GET)
    for (let i = 0; i < 14; i++) await clock.advance(1000)
    await settle()
    expect([closed(), defences]).toEqual([true, ['write-stall']])
  })

  it('in many small pieces take hardly more memory than their bytes', async () => {
    const { peer } = await served({ serve: forever })
    peer.headers(1, POST, false)
    const pieces = Array.from({ length: 2000 }, () => frame(FrameType.DATA, 0, 1, 'x'))
    peer.raw(Buffer.concat(pieces))
    await settle()
    expect(peer.goAwayCode()).toBeUndefined()
  })
})

describe('silence', () => {
  it('instead of an acknowledgement of SETTINGS ends the connection with SETTINGS_TIMEOUT', async () => {
    const [client, server] = transportPair()
    const clock = new ManualClock()
    http2Server(server, {
      limits: LIMITS,
      normalise: 'base',
      scheme: 'http',
      clock,
      serve: forever,
      onProtocolError() {},
      onClose() {},
    })
    const peer = new FramePeer(client, true)
    peer.send(FrameType.SETTINGS, 0, 0)
    for (let i = 0; i < 14; i++) await clock.advance(1000)
    await settle()
    expect(peer.goAwayCode()).toBe(ErrorCode.SETTINGS_TIMEOUT)
  })

  it('of a client whose requests run is asked about with PING, and ends the connection', async () => {
    const { peer, clock, closed, aborts } = await served({
      serve: forever,
      http2: { pingAfterMs: 3000, pingTimeoutMs: 3000 },
    })
    peer.headers(1, GET)
    for (let i = 0; i < 5; i++) await clock.advance(1000)
    await settle()
    expect(peer.of(FrameType.PING)).toHaveLength(1)
    expect(closed()).toBe(false)
    for (let i = 0; i < 6; i++) await clock.advance(1000)
    await settle()
    expect(closed()).toBe(true)
    expect(aborts).toHaveLength(1)
  })

  it('for as long as a connection may be kept without requests ends it with NO_ERROR', async () => {
    const { peer, clock } = await served({ limits: { keepAliveTimeoutMs: 5000 } })
    for (let i = 0; i < 8; i++) await clock.advance(1000)
    await settle()
    expect([peer.goAwayCode(), peer.ended]).toEqual([ErrorCode.NO_ERROR, true])
  })
})

describe('what is no HTTP/2', () => {
  it.each([
    ['another preface', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['no SETTINGS first', Buffer.concat([CLIENT_PREFACE, frame(FrameType.PING, 0, 0, Buffer.alloc(8))])],
  ])('ends the connection: %s', async (_, bytes) => {
    const [client, server] = transportPair()
    const errors: string[] = []
    http2Server(server, {
      limits: LIMITS,
      normalise: 'base',
      scheme: 'http',
      clock: new ManualClock(),
      serve: forever,
      onProtocolError: failure => errors.push(failure.message),
      onClose() {},
    })
    const peer = new FramePeer(client, false)
    client.write(bytes)
    await settle()
    expect(errors).toHaveLength(1)
    expect(client.peer.destroyed || peer.ended).toBe(true)
  })
})
