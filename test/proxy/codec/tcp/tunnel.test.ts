import { describe, expect, it } from 'vitest'
import { type TunnelEnd, tunnel } from '../../../../proxy/codec/tcp/tunnel.ts'
import { Failure } from '../../../../proxy/failure.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { type LinkOptions, transportPair } from '../../../support/memory-transport.ts'
import { RawPeer } from '../../../support/raw-peer.ts'
import { until } from '../../../support/until.ts'

function tunnelling(idleTimeoutMs = 60_000, link: LinkOptions = {}) {
  const [toClient, client] = transportPair(link)
  const [toUpstream, upstream] = transportPair(link)
  const clock = new ManualClock()
  const ends: TunnelEnd[] = []
  const running = tunnel(toClient, toUpstream, { clock, idleTimeoutMs, onEnd: end => ends.push(end) })
  return {
    client: new RawPeer(client),
    upstream: new RawPeer(upstream),
    toClient,
    toUpstream,
    clock,
    ends,
    running,
    over: () => until('the tunnel is over', () => ends[0]),
  }
}

describe('a tunnel', () => {
  it('carries bytes both ways and counts them', async () => {
    const { client, upstream, running } = tunnelling()
    client.send('ping')
    await upstream.receives('ping')
    upstream.send('pong!')
    await client.receives('pong!')
    expect([running.sentBytes, running.receivedBytes]).toEqual([4, 5])
  })

  it('passes half-closing on, and is over when both sides have done it', async () => {
    const { client, upstream, over } = tunnelling()
    client.send('request').transport.end()
    await until('the end has come', () => upstream.ended)
    expect(upstream.text).toBe('request')
    upstream.send('response').transport.end()
    expect(await over()).toEqual({ sentBytes: 7, receivedBytes: 8, failure: undefined })
    expect(client.text).toBe('response')
  })

  it.each([
    ['client', 'downstream-gone'],
    ['upstream', 'upstream-reset'],
  ] as const)('passes a reset of the %s on', async (who, code) => {
    const tunnelled = tunnelling()
    const other = who === 'client' ? tunnelled.upstream : tunnelled.client
    tunnelled[who].transport.reset()
    await until('the other side sees it', () => other.closed === 'broken')
    expect((await tunnelled.over()).failure?.code).toBe(code)
  })

  it('holds no more than a chunk or two for a side that does not read', async () => {
    const { client, upstream, toUpstream } = tunnelling(60_000, {
      kernelBytes: 1000,
      cut: n => Math.min(n, 5000),
    })
    upstream.transport.pause()
    for (let i = 0; i < 200; i++) client.send('x'.repeat(5000))
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(toUpstream.mostPendingBytes).toBeLessThan(20_000)
    upstream.transport.resume()
    await until('everything has come', () => upstream.text.length === 1_000_000)
  })

  it('breaks when no byte moves for too long, and not before', async () => {
    const { client, upstream, clock, over } = tunnelling(10_000)
    await clock.advance(9000)
    client.send('still here')
    await upstream.receives('still here')
    await clock.advance(9000)
    expect(upstream.closed).toBe('no')
    await clock.advance(2000)
    expect((await over()).failure?.code).toBe('idle-timeout')
    expect(clock.pending).toBe(0)
  })

  it('breaks when it is cancelled', async () => {
    const { running, client, over } = tunnelling()
    const why = new Failure('access-denied', 'the rules have changed')
    running.cancel(why)
    running.cancel(why)
    expect((await over()).failure).toBe(why)
    expect(client.closed).toBe('broken')
  })

  it('is over at once between connections of which one is gone already', async () => {
    const [toClient] = transportPair()
    const [toUpstream, upstream] = transportPair()
    toClient.destroy()
    await until('it is gone', () => toClient.destroyed)
    await new Promise(resolve => setTimeout(resolve, 5))
    const ends: TunnelEnd[] = []
    tunnel(toClient, toUpstream, { clock: new ManualClock(), idleTimeoutMs: 0, onEnd: end => ends.push(end) })
    const peer = new RawPeer(upstream)
    await until('it is over', () => ends.length > 0)
    expect(ends[0]!.failure?.code).toBe('downstream-gone')
    expect(peer.closed).toBe('broken')
  })
})
