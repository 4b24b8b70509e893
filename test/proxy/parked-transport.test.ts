import { describe, expect, it } from 'vitest'
import { parked } from '../../proxy/parked-transport.ts'
import { transportPair } from '../support/memory-transport.ts'
import { RawPeer } from '../support/raw-peer.ts'
import { until } from '../support/until.ts'
import { transportContract } from './transport.contract.ts'

describe('a parked transport that was taken', () => {
  transportContract(async () => {
    const [near, far] = transportPair()
    return [parked(near, Buffer.alloc(0)), far]
  })
})

const turn = () => new Promise(resolve => setTimeout(resolve, 5))

describe('a parked transport', () => {
  it('keeps bytes and the end behind them, in order, behind what was read before', async () => {
    const [near, far] = transportPair()
    near.resume()
    const between = parked(near, Buffer.from('one '))
    far.write(Buffer.from('two'))
    far.end()
    await turn()
    const peer = new RawPeer(between)
    expect(peer.text).toBe('')
    await until('the end has come', () => peer.ended)
    expect(peer.text).toBe('one two')
  })

  it('tells its next owner that it is gone', async () => {
    const [near, far] = transportPair()
    const between = parked(near, Buffer.alloc(0))
    far.reset()
    await turn()
    const peer = new RawPeer(between)
    await until('it is told', () => peer.closed === 'broken')
  })

  it('heeds a pause within what it kept, and still tells at once that it is gone', async () => {
    const [near, far] = transportPair()
    const between = parked(near, Buffer.from('one'))
    near.resume()
    far.write(Buffer.from('two'))
    await turn()
    const seen: string[] = []
    between.onRead = chunk => {
      seen.push(chunk.toString())
      between.pause()
    }
    between.onClose = () => seen.push('closed')
    between.resume()
    await turn()
    expect(seen).toEqual(['one'])
    between.resume()
    await turn()
    expect(seen).toEqual(['one', 'two'])
    far.reset()
    await until('it is told', () => seen.includes('closed'))
  })
})
