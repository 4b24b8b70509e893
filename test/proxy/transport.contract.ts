/** What every transport must do (`proxy/transport.ts`). */
import { expect, it } from 'vitest'
import type { Transport } from '../../proxy/transport.ts'
import { RawPeer } from '../support/raw-peer.ts'
import { until } from '../support/until.ts'

/** Two ends of one connection, the first of the kind under test. */
export type OpenTransports = () => Promise<[Transport, Transport]>

const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 2))

/** Bytes that tell where they belong. */
const pattern = (length: number): Buffer =>
  Buffer.from(new Uint8Array(length).map((_, i) => (i * 7 + (i >> 8)) % 256))

export function transportContract(
  open: OpenTransports,
  { resets = true }: { readonly resets?: boolean } = {},
): void {
  it('delivers what is written, both ways', async () => {
    const [near, far] = (await open()).map(each => new RawPeer(each)) as [RawPeer, RawPeer]
    near.send('ping')
    await far.receives('ping')
    far.send('pong')
    await near.receives('pong')
  })

  it('reads nothing before it is resumed, and nothing is lost', async () => {
    const [near, far] = await open()
    far.write(Buffer.from('early'))
    await turn()
    const peer = new RawPeer(near)
    expect(peer.text).toBe('')
    await peer.receives('early')
  })

  it('lets the caller reuse a chunk at once, however full the connection is', async () => {
    const [near, far] = await open()
    const whole = pattern(6_000_000)
    const chunk = Buffer.alloc(60_000)
    for (let at = 0; at < whole.length; at += chunk.length) {
      whole.copy(chunk, 0, at)
      near.write(chunk)
      chunk.fill(0xdd)
    }
    const received: Buffer[] = []
    let length = 0
    far.onRead = piece => {
      received.push(Buffer.from(piece))
      length += piece.length
    }
    far.resume()
    await until('everything has come', () => length === whole.length)
    expect(Buffer.concat(received).equals(whole)).toBe(true)
  })

  it('asks to wait when the other side does not read, and says when it may go on', async () => {
    const [near, far] = await open()
    let drains = 0
    near.onDrain = () => drains++
    const chunk = Buffer.alloc(64 * 1024)
    let writes = 0
    while (near.write(chunk)) {
      expect(++writes).toBeLessThan(1000)
      await turn()
    }
    expect(near.pendingBytes).toBeGreaterThan(0)
    drains = 0
    far.onRead = () => {}
    far.resume()
    await until('it drains', () => drains > 0)
    expect(near.pendingBytes).toBe(0)
  })

  it('stops soon after it is paused, and goes on where it was', async () => {
    const [near, far] = await open()
    const whole = pattern(2_000_000)
    const received: Buffer[] = []
    let length = 0
    let paused = false
    let bytesWhilePaused = 0
    let mostWhilePaused = 0
    near.onRead = chunk => {
      received.push(Buffer.from(chunk))
      length += chunk.length
      if (paused) bytesWhilePaused += chunk.length
      mostWhilePaused = Math.max(mostWhilePaused, bytesWhilePaused)
      if (paused) return
      paused = true
      near.pause()
      setTimeout(() => {
        paused = false
        bytesWhilePaused = 0
        near.resume()
      }, 2)
    }
    near.resume()
    far.write(whole)
    await until('everything has come', () => length === whole.length)
    expect(Buffer.concat(received).equals(whole)).toBe(true)
    expect(mostWhilePaused).toBeLessThanOrEqual(2 * 64 * 1024)
  })

  it('reads as well into large buffers as into small ones', async () => {
    const [near, far] = await open()
    const whole = pattern(3_000_000)
    const received: Buffer[] = []
    let length = 0
    near.onRead = chunk => {
      received.push(Buffer.from(chunk))
      length += chunk.length
      near.bulk(received.length % 4 < 2)
    }
    near.resume()
    far.write(whole)
    await until('everything has come', () => length === whole.length)
    expect(Buffer.concat(received).equals(whole)).toBe(true)
  })

  it('ends one direction and leaves the other open', async () => {
    const [near, far] = (await open()).map(each => new RawPeer(each)) as [RawPeer, RawPeer]
    near.send('last words')
    near.transport.end()
    await until('the end has come', () => far.ended)
    expect(far.text).toBe('last words')
    expect(far.closed).toBe('no')
    far.send('answer')
    await near.receives('answer')
    far.transport.end()
    await until('both are closed', () => near.closed === 'closed' && far.closed === 'closed')
  })

  it('sends everything that waits before it ends', async () => {
    const [near, far] = await open()
    const whole = pattern(3_000_000)
    near.write(whole)
    near.end()
    expect(near.write(Buffer.from('too late'))).toBe(false)
    let length = 0
    let ended = false
    far.onRead = chunk => {
      length += chunk.length
    }
    far.onReadEnd = () => {
      ended = true
    }
    far.resume()
    await until('the end has come', () => ended)
    expect(length).toBe(whole.length)
  })

  it('closes once, and says so to both sides', async () => {
    const [near, far] = await open()
    const closes: string[] = []
    near.onClose = () => closes.push('near')
    const peer = new RawPeer(far)
    near.destroy()
    near.destroy()
    expect(closes).toEqual([])
    expect(near.destroyed).toBe(true)
    expect(near.write(Buffer.from('x'))).toBe(false)
    await until('the other side knows', () => peer.ended || peer.closed !== 'no')
    await until('it is closed', () => closes.length > 0)
    await turn()
    expect(closes).toEqual(['near'])
  })

  it.runIf(resets)('breaks for the other side when it is reset', async () => {
    const [near, far] = await open()
    near.onClose = () => {}
    const peer = new RawPeer(far)
    near.resume()
    await turn()
    near.reset()
    near.reset()
    await until('the other side sees it', () => peer.closed === 'broken')
  })

  it('says where it leads', async () => {
    const [near] = await open()
    expect(near.remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(near.localPort).toBeGreaterThan(0)
  })
}
