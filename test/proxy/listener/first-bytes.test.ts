import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import { lookAtOpening, type Opening, openingOf } from '../../../proxy/listener/first-bytes.ts'
import { socketTransport } from '../../../proxy/socket-transport.ts'
import { until } from '../../support/until.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function look(waitMs: number, talk: (socket: Socket) => void) {
  const accepted = Promise.withResolvers<Socket>()
  const opening = Promise.withResolvers<Opening>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {})
    accepted.resolve(socket)
    lookAtOpening(socket, systemClock, waitMs, opening.resolve)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  closing.push(
    () => client.destroy(),
    () => server.close(),
  )
  talk(client)
  const socket = await accepted.promise
  closing.push(() => socket.destroy())
  return { socket, opening: opening.promise }
}

describe('lookAtOpening', () => {
  test('leaves everything that came, and the end behind it, to who takes the connection over later', async () => {
    const { socket, opening } = await look(5000, client => client.end('plain words'))
    expect(await opening).toBe('bytes')
    const transport = socketTransport(socket)
    const seen: string[] = []
    transport.onRead = chunk => seen.push(chunk.toString())
    transport.onReadEnd = () => {
      seen.push('end')
      transport.end()
    }
    let closed = false
    transport.onClose = () => {
      closed = true
    }
    // The end of the stream arrives while nobody has asked for anything.
    await new Promise(resolve => setImmediate(resolve))
    transport.resume()
    await until('it is over', () => closed)
    expect(seen).toEqual(['plain words', 'end'])
  })

  test('leaves it to who takes the connection over at once, too', async () => {
    const server = createServer({ allowHalfOpen: true }, socket => {
      socket.on('error', () => {})
      lookAtOpening(socket, systemClock, 5000, () => {
        const transport = socketTransport(socket)
        transport.onRead = chunk => transport.write(Buffer.from(chunk.toString().toUpperCase()))
        transport.onReadEnd = () => transport.end()
        transport.resume()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    closing.push(
      () => client.destroy(),
      () => server.close(),
    )
    client.write('plain')
    expect(String(await once(client, 'data'))).toBe('PLAIN')
    client.write('more')
    expect(String(await once(client, 'data'))).toBe('MORE')
  })

  test('says silence when nothing comes in time, and leaves the connection paused', async () => {
    const { socket, opening } = await look(20, () => {})
    expect(await opening).toBe('silence')
    expect(socket.isPaused()).toBe(true)
  })

  test('waits for as long as it takes when no time is given', async () => {
    const { opening } = await look(0, client => setImmediate(() => client.write('GET / ')))
    expect(await opening).toBe('http')
  })

  test('closes a connection that ends without a byte, and says nothing', async () => {
    const { socket, opening } = await look(5000, client => client.end())
    let said = false
    void opening.then(() => {
      said = true
    })
    await until('it is closed', () => socket.closed)
    expect(said).toBe(false)
  })
})

test.for([
  ['tls', Buffer.from([0x16, 3, 1])],
  ['http', Buffer.from('GET / HTTP/1.1\r\n')],
  ['http', Buffer.from('PO')],
  ['bytes', Buffer.from('get / HTTP/1.1')],
  ['bytes', Buffer.from([0, 0, 0, 8])],
  ['bytes', Buffer.from('SSH-2.0-x')],
] as const)('openingOf finds %s', ([opening, bytes]) => {
  expect(openingOf(bytes)).toBe(opening)
})
