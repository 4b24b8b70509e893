import { describe, expect, it } from 'vitest'
import { readHooksOf } from '../../proxy/socket-reader.ts'
import { type SocketAccess, socketTransport } from '../../proxy/socket-transport.ts'
import { writeTurn } from '../../proxy/write-turn.ts'
import { transportPair } from '../support/memory-transport.ts'
import { RawPeer } from '../support/raw-peer.ts'
import { socketPair, tlsPair } from '../support/socket-pair.ts'
import { until } from '../support/until.ts'
import { transportContract } from './transport.contract.ts'

describe('memory transports', () => {
  transportContract(async () => transportPair())
})

const ACCESSES: readonly SocketAccess[] = ['direct', 'public']
const PAIRS = [
  ['TCP', socketPair],
  ['TLS', tlsPair],
] as const

for (const [protocol, pair] of PAIRS) {
  for (const access of ACCESSES) {
    describe(`${protocol} sockets that were accepted, by their ${access} access`, () => {
      transportContract(
        async () => {
          const [accepted, connected] = await pair()
          return [socketTransport(accepted, access), socketTransport(connected, access)]
        },
        { resets: protocol === 'TCP' },
      )
    })

    describe(`${protocol} sockets that were connected, by their ${access} access`, () => {
      transportContract(
        async () => {
          const [accepted, connected] = await pair()
          return [socketTransport(connected, access), socketTransport(accepted, access)]
        },
        { resets: protocol === 'TCP' },
      )
    })
  }
}

for (const [protocol, pair] of PAIRS) {
  describe(`${protocol} sockets whose writes wait for the end of the turn`, () => {
    transportContract(
      async () => {
        const [accepted, connected] = await pair()
        writeTurn.gathers = true
        return [socketTransport(accepted), socketTransport(connected)]
      },
      { resets: protocol === 'TCP' },
    )

    it('have sent nothing before it, and everything after a flush', async () => {
      const [accepted, connected] = await pair()
      const [near, far] = [socketTransport(accepted), new RawPeer(socketTransport(connected))]
      writeTurn.gathers = true
      near.write(Buffer.from('small'))
      expect([near.sentBytes, near.pendingBytes]).toEqual([0, 5])
      near.flush()
      expect(near.sentBytes).toBe(5)
      await far.receives('small')
    })

    it('keep the order of small and large writes', async () => {
      const [accepted, connected] = await pair()
      const [near, far] = [socketTransport(accepted), new RawPeer(socketTransport(connected))]
      writeTurn.gathers = true
      const large = 'x'.repeat(20_000)
      for (const text of ['small ', large, ' small']) near.write(Buffer.from(text))
      await far.receives(`small ${large} small`)
    })

    // TLS loses it either way: what it has encrypted may wait for its handshake's last messages.
    it.skipIf(protocol === 'TLS')('have sent what was written before they are destroyed', async () => {
      const [accepted, connected] = await pair()
      const [near, far] = [socketTransport(accepted), new RawPeer(socketTransport(connected))]
      writeTurn.gathers = true
      near.write(Buffer.from('last words'))
      near.destroy()
      await far.receives('last words')
    })
  })
}

describe('direct access', () => {
  it('is what this version of Node offers, for accepted and for TLS sockets too', async () => {
    const sockets = [...(await socketPair()), ...(await tlsPair())]
    for (const socket of sockets) {
      expect(readHooksOf(socket)).toBeDefined()
      socket.destroy()
    }
  })

  it('is not taken from a socket that looks different inside', async () => {
    const [accepted, connected] = await socketPair()
    const [kBuffer] = Object.getOwnPropertySymbols(accepted).filter(each => each.description === 'kBuffer')
    Reflect.deleteProperty(accepted, kBuffer!)
    expect(readHooksOf(accepted)).toBeUndefined()
    const peer = new RawPeer(socketTransport(accepted))
    connected.end('still read')
    await peer.receives('still read')
    peer.transport.destroy()
  })
})

describe('TLS', () => {
  it('tells the protocol, the name that was asked for and who the other side is', async () => {
    const [accepted, connected] = await tlsPair()
    const near = socketTransport(accepted)
    socketTransport(connected)
    expect(near.tls).toMatchObject({
      protocol: 'TLSv1.3',
      alpn: 'selvage-h1',
      serverName: '80.web.web.shop.internal',
      peerId: 'spiffe://shop/workload/web',
    })
    expect(near.tls?.peerCertificate?.length).toBeGreaterThan(100)
    near.destroy()
  })

  it('is absent from plain sockets', async () => {
    const [accepted, connected] = await socketPair()
    expect(socketTransport(accepted).tls).toBeUndefined()
    accepted.destroy()
    connected.destroy()
  })

  it('takes many writes in one turn', async () => {
    const [accepted, connected] = await tlsPair()
    const near = socketTransport(accepted)
    const peer = new RawPeer(socketTransport(connected))
    for (let i = 0; i < 100; i++) near.write(Buffer.from(`<${i}>`))
    await until('everything has come', () => peer.text.endsWith('<99>'))
    expect(peer.text).toBe(Array.from({ length: 100 }, (_, i) => `<${i}>`).join(''))
    near.destroy()
  })
})
