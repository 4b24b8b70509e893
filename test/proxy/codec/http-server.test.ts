import { describe, expect, it } from 'vitest'
import type { ServerConnection } from '../../../proxy/codec/codec.ts'
import { httpServer, opensHttp2 } from '../../../proxy/codec/http-server.ts'
import { CLIENT_PREFACE, FrameType } from '../../../proxy/codec/http2/protocol.ts'
import type { TlsInfo } from '../../../proxy/transport.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { FramePeer, frame, framesOf, GET } from './http2/frame-peer.ts'
import { type MemoryTransport, settle, transportPair } from './http2/memory-transport.ts'
import { LIMITS, text } from './http2/serving.ts'

function serving(server: MemoryTransport): {
  connection: ServerConnection
  clock: ManualClock
  closed(): boolean
} {
  const clock = new ManualClock()
  let isClosed = false
  const connection = httpServer(server, {
    limits: LIMITS,
    normalise: 'base',
    scheme: 'http',
    clock,
    serve: async () => text('hello'),
    onProtocolError: () => {},
    onClose: () => {
      isClosed = true
    },
  })
  return { connection, clock, closed: () => isClosed }
}

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nhost: shop\r\n\r\n')

describe('httpServer in plaintext', () => {
  it('answers HTTP/2 to who begins with its preface', async () => {
    const [client, server] = transportPair()
    serving(server)
    const peer = new FramePeer(client, true)
    await peer.hello()
    peer.headers(1, GET)
    await settle()
    expect(peer.text(1)).toBe('hello')
  })

  it('answers HTTP/1.1 to all others', async () => {
    const [client, server] = transportPair()
    serving(server)
    let answer = ''
    client.onRead = chunk => {
      answer += chunk.toString()
    }
    client.resume()
    client.write(REQUEST)
    await settle()
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*hello$/s)
  })

  it('lets a connection without a request go when it drains, but not at once', async () => {
    const [client, server] = transportPair()
    const { connection, clock, closed } = serving(server)
    client.resume()
    connection.drain()
    await settle()
    expect(closed()).toBe(false)
    await clock.advance(2000)
    expect(closed()).toBe(true)
  })

  it('answers a request that was on its way when it began to drain, and closes', async () => {
    const [client, server] = transportPair()
    const { connection } = serving(server)
    let answer = ''
    client.onRead = chunk => {
      answer += chunk.toString()
    }
    client.resume()
    connection.drain()
    client.write(REQUEST)
    await settle()
    expect(answer).toContain('connection: close')
  })
})

describe('httpServer over TLS', () => {
  const tls = (alpn: string): TlsInfo => ({
    protocol: 'TLSv1.3',
    alpn,
    serverName: undefined,
    peerCertificate: undefined,
    peerId: undefined,
  })

  it.each(['selvage-h2', 'h2'])('speaks HTTP/2 at once when %s was agreed', async alpn => {
    const [client, server] = transportPair()
    Object.assign(server, { tls: tls(alpn) })
    serving(server)
    // The server's preface does not wait for the client's (RFC 9113 3.4).
    const bytes: Buffer[] = []
    client.onRead = chunk => bytes.push(Buffer.from(chunk))
    client.resume()
    await settle()
    expect(framesOf(Buffer.concat(bytes)).frames[0]?.type).toBe(FrameType.SETTINGS)
  })

  it('does not take HTTP/2 for granted when HTTP/1.1 was agreed', async () => {
    const [client, server] = transportPair()
    Object.assign(server, { tls: tls('http/1.1') })
    serving(server)
    let answer = ''
    client.onRead = chunk => {
      answer += chunk.toString()
    }
    client.resume()
    client.write(Buffer.concat([CLIENT_PREFACE, frame(FrameType.SETTINGS, 0, 0)]))
    await settle()
    expect(answer).toMatch(/^HTTP\/1\.1 505/)
  })
})

describe('opensHttp2', () => {
  it.each([
    ['the preface', CLIENT_PREFACE.toString(), true],
    ['its beginning', 'PRI', true],
    ['the preface and frames', `${CLIENT_PREFACE}xyz`, true],
    ['what could be a POST', 'P', false],
    ['another method', 'PRINT / HTTP/1.1', false],
    ['HTTP/1.1', 'GET / HTTP/1.1', false],
  ])('%s', (_, bytes, expected) => {
    expect(opensHttp2(Buffer.from(bytes))).toBe(expected)
  })
})
