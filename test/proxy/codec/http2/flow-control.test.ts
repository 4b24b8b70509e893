import { describe, expect, it } from 'vitest'
import { bytesBody } from '../../../../proxy/body.ts'
import { ErrorCode, FrameType, MAX_WINDOW_BYTES, Setting } from '../../../../proxy/codec/http2/protocol.ts'
import type { Request, Response } from '../../../../proxy/message.ts'
import { GET, POST, setting, uint32 } from './frame-peer.ts'
import { settle } from './memory-transport.ts'
import { answer, readAll, served } from './serving.ts'

const forever = (): Promise<Response> => new Promise(() => {})
const KIB = 1024
const big = (bytes: number) => () => answer(200, [], bytesBody(Buffer.alloc(bytes, 'x')))

describe('what we send', () => {
  it('stops at the window of the stream and goes on when it grows', async () => {
    const { peer } = await served({ serve: big(100), settings: [setting(Setting.INITIAL_WINDOW_SIZE, 30)] })
    peer.headers(1, GET)
    await settle()
    expect(peer.text(1)).toHaveLength(30)
    peer.send(FrameType.WINDOW_UPDATE, 0, 1, uint32(50))
    await settle()
    expect(peer.text(1)).toHaveLength(80)
    expect(peer.endOf(1)).toBe(false)
    peer.send(FrameType.WINDOW_UPDATE, 0, 1, uint32(50))
    await settle()
    expect([peer.text(1).length, peer.endOf(1)]).toEqual([100, true])
  })

  it('stops at the window of the connection, whatever the streams allow', async () => {
    const { peer } = await served({
      serve: big(50_000),
      settings: [setting(Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW_BYTES)],
    })
    peer.headers(1, GET)
    peer.headers(3, GET)
    await settle()
    const sent = () => peer.text(1).length + peer.text(3).length
    expect(sent()).toBe(65_535)
    peer.send(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000))
    await settle()
    expect(sent()).toBe(100_000)
  })

  it('waits for a stream without holding up others', async () => {
    const { peer } = await served({ serve: big(100), settings: [setting(Setting.INITIAL_WINDOW_SIZE, 30)] })
    peer.headers(1, GET)
    await settle()
    peer.headers(3, GET)
    peer.send(FrameType.WINDOW_UPDATE, 0, 3, uint32(70))
    await settle()
    expect([peer.text(1).length, peer.endOf(3)]).toEqual([30, true])
  })

  it('follows SETTINGS that change in between, through a window below zero', async () => {
    const { peer } = await served({ serve: big(200), settings: [setting(Setting.INITIAL_WINDOW_SIZE, 100)] })
    peer.headers(1, GET)
    await settle()
    expect(peer.text(1)).toHaveLength(100)
    peer.send(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 40))
    peer.send(FrameType.WINDOW_UPDATE, 0, 1, uint32(50))
    await settle()
    // 100 were sent, 40 + 50 are allowed.
    expect(peer.text(1)).toHaveLength(100)
    peer.send(FrameType.WINDOW_UPDATE, 0, 1, uint32(11))
    await settle()
    expect(peer.text(1)).toHaveLength(101)
    peer.send(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 1000))
    await settle()
    expect(peer.endOf(1)).toBe(true)
  })

  it('takes turns between streams, a frame each', async () => {
    const { peer } = await served({
      serve: big(64 * KIB),
      settings: [setting(Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW_BYTES)],
    })
    // Nothing may go out before both wait.
    peer.headers(1, GET)
    peer.headers(3, GET)
    peer.headers(5, GET)
    await settle()
    const before = peer.frames.length
    peer.send(FrameType.WINDOW_UPDATE, 0, 0, uint32(MAX_WINDOW_BYTES - 65_535))
    await settle()
    const order = peer.frames
      .slice(before)
      .filter(({ type }) => type === FrameType.DATA)
      .map(({ id }) => id)
    expect(order.slice(0, 6)).toEqual([1, 3, 5, 3, 5, 3])
    expect([1, 3, 5].every(id => peer.endOf(id))).toBe(true)
  })

  it('waits for a transport that takes no more', async () => {
    const { peer, server } = await served({
      serve: big(MAX_WINDOW_BYTES >> 10),
      settings: [setting(Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW_BYTES)],
      pair: { highWaterBytes: 32 * KIB },
    })
    peer.send(FrameType.WINDOW_UPDATE, 0, 0, uint32(MAX_WINDOW_BYTES - 65_535))
    await settle()
    server.stuck = true
    peer.headers(1, GET)
    await settle()
    expect(server.pendingBytes).toBeLessThan(160 * KIB)
    server.unstick()
    await settle(200)
    expect(peer.endOf(1)).toBe(true)
    expect(peer.text(1)).toHaveLength(MAX_WINDOW_BYTES >> 10)
  })

  it.each([
    ['of a stream', 1],
    ['of the connection', 0],
  ])('ends with FLOW_CONTROL_ERROR when the window %s grows too large', async (_, id) => {
    const { peer } = await served({ serve: forever })
    peer.headers(1, GET)
    peer.send(FrameType.WINDOW_UPDATE, 0, id, uint32(MAX_WINDOW_BYTES))
    await settle()
    expect(id === 0 ? peer.goAwayCode() : peer.resetCode(1)).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })
})

describe('what we take', () => {
  const windows = {
    streamWindowBytes: 32 * KIB,
    maxStreamWindowBytes: 128 * KIB,
    connectionWindowBytes: 64 * KIB,
    maxConnectionWindowBytes: 256 * KIB,
  }

  it('is not credited before somebody reads it', async () => {
    const held: Request[] = []
    const { peer } = await served({
      serve: request => {
        held.push(request)
        return forever()
      },
      http2: windows,
    })
    peer.headers(1, POST, false)
    peer.data(1, Buffer.alloc(16 * KIB))
    peer.data(1, Buffer.alloc(16 * KIB))
    await settle()
    expect(peer.credited(1)).toBe(0)
    const body = readAll(held[0]!.body)
    await settle()
    expect(peer.credited(1)).toBeGreaterThanOrEqual(32 * KIB)
    peer.data(1, '', true)
    expect((await body).bytes).toHaveLength(32 * KIB)
  })

  it('is what a paused reader has taken, and no more', async () => {
    let takenBytes = 0
    let resume = (): void => {}
    const { peer } = await served({
      serve: request => {
        resume = () => request.body.resume()
        request.body.pipe({
          write(chunk) {
            takenBytes += chunk.length
            return false
          },
          end() {},
          reset() {},
        })
        return forever()
      },
      http2: windows,
    })
    peer.headers(1, POST, false)
    for (let i = 0; i < 4; i++) peer.data(1, Buffer.alloc(8 * KIB))
    await settle()
    expect(takenBytes).toBe(8 * KIB)
    expect(peer.credited(1)).toBe(0)
    resume()
    resume()
    await settle()
    expect(takenBytes).toBeGreaterThan(8 * KIB)
  })

  it('may be more and more while the reader keeps up, up to the maximum', async () => {
    const { peer } = await served({
      serve: async request => answer(200, [['x', String((await readAll(request.body)).bytes.length)]]),
      http2: windows,
    })
    peer.headers(1, POST, false)
    let sent = 0
    for (let i = 0; i < 40; i++) {
      peer.data(1, Buffer.alloc(16 * KIB))
      sent += 16 * KIB
      await settle(4)
    }
    const window = 32 * KIB + peer.credited(1) - sent
    expect(window).toBeGreaterThan(64 * KIB)
    expect(window).toBeLessThanOrEqual(128 * KIB)
  })

  it('is bounded for all streams together, and one that is stuck does not stop the others', async () => {
    const bodies: Request[] = []
    const { peer } = await served({
      serve: request => {
        bodies.push(request)
        return forever()
      },
      http2: windows,
    })
    // Two streams that nobody reads fill what the connection began with.
    for (const id of [1, 3]) {
      peer.headers(id, POST, false)
      peer.data(id, Buffer.alloc(16 * KIB))
      peer.data(id, Buffer.alloc(16 * KIB))
    }
    await settle()
    peer.headers(5, POST, false)
    peer.data(5, Buffer.alloc(16 * KIB), true)
    await settle()
    expect(peer.goAwayCode()).toBeUndefined()
    expect((await readAll(bodies[2]!.body)).bytes).toHaveLength(16 * KIB)
  })

  it('ends the stream with FLOW_CONTROL_ERROR when it is more than the stream allows', async () => {
    const { peer } = await served({ serve: forever, http2: windows })
    peer.headers(1, POST, false)
    for (let i = 0; i < 3; i++) peer.data(1, Buffer.alloc(16 * KIB))
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })

  it('ends the connection with FLOW_CONTROL_ERROR when it is more than the connection allows', async () => {
    const { peer } = await served({
      serve: forever,
      http2: { ...windows, maxConnectionWindowBytes: 64 * KIB },
    })
    for (const id of [1, 3, 5]) {
      peer.headers(id, POST, false)
      peer.data(id, Buffer.alloc(16 * KIB))
      peer.data(id, Buffer.alloc(16 * KIB))
    }
    await settle()
    expect(peer.goAwayCode()).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })

  it('counts padding, which is credited at once', async () => {
    const { peer } = await served({ serve: forever, http2: windows })
    peer.headers(1, POST, false)
    const padded = Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])
    for (let i = 0; i < 70; i++) peer.send(FrameType.DATA, 8, 1, padded)
    await settle()
    expect(peer.credited(1)).toBeGreaterThan(16 * KIB)
  })

  it('is credited to the connection when it comes on a stream that is over', async () => {
    const { peer } = await served({ http2: windows })
    peer.headers(1, POST, false)
    await settle()
    expect(peer.resetCode(1)).toBe(ErrorCode.NO_ERROR)
    const before = peer.credited(0)
    for (let i = 0; i < 8; i++) {
      peer.data(1, Buffer.alloc(8 * KIB))
      await settle(4)
    }
    expect(peer.credited(0) - before).toBeGreaterThanOrEqual(32 * KIB)
  })
})
