import { describe, expect, it } from 'vitest'
import type { BodySource } from '../../proxy/body.ts'
import { Failure } from '../../proxy/failure.ts'
import { ReplayBody } from '../../proxy/replay-body.ts'
import { collect } from '../support/collect.ts'
import { ManualBody } from '../support/manual-body.ts'
import { ScriptedBody } from '../support/scripted-body.ts'
import { bodyContract } from './body.contract.ts'

const OVER = new Failure('cancelled', 'over')

/** Reads as much as comes, and pauses when told to. */
class Reader {
  text = ''
  ended = false
  broken: Failure | undefined = undefined
  wants = true
  constructor(source: BodySource) {
    source.pipe({
      write: chunk => {
        this.text += chunk.toString('latin1')
        return this.wants
      },
      end: () => {
        this.ended = true
      },
      reset: failure => {
        this.broken = failure
      },
    })
  }
}

describe('a cursor', () => {
  for (const maxBytes of [0, 10, 1_000_000]) {
    describe(`over at most ${maxBytes} recorded bytes`, () => {
      bodyContract({
        open: script => {
          const replay = new ReplayBody(new ScriptedBody(script, false), maxBytes)
          return { source: replay.cursor() }
        },
        hasTrailers: true,
        canBreak: true,
      })
    })
  }

  describe('that follows another one', () => {
    bodyContract({
      open: async script => {
        const replay = new ReplayBody(new ScriptedBody(script, false, 5), 1_000_000)
        const first = new Reader(replay.cursor())
        await new Promise(resolve => setImmediate(resolve))
        expect(first).toBeDefined()
        return { source: replay.cursor() }
      },
      hasTrailers: true,
      // What broke before the second began cannot be read again.
      canBreak: false,
    })
  })
})

describe('a body that can be replayed', () => {
  it('gives each attempt the whole of it, however far the first one came', async () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    const first = replay.cursor()
    const reader = new Reader(first)
    body.write('hel')
    expect(reader.text).toBe('hel')
    first.cancel(OVER)
    const second = collect(replay.cursor())
    body.write('lo').end()
    expect((await second).text).toBe('hello')
    expect((await collect(replay.cursor())).text).toBe('hello')
    expect(body.cancelledBy).toBeUndefined()
  })

  it('serves several attempts at once', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    const readers = [new Reader(replay.cursor()), new Reader(replay.cursor())]
    body.write('hello')
    readers.push(new Reader(replay.cursor()))
    body.write(' world').end()
    expect(readers.map(({ text, ended }) => [text, ended])).toEqual(Array(3).fill(['hello world', true]))
  })

  it('can be replayed up to its limit and not beyond', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 5)
    const reader = new Reader(replay.cursor())
    body.write('hello')
    expect(replay.replayable).toBe(true)
    body.write('!')
    expect(replay.replayable).toBe(false)
    expect(() => replay.cursor()).toThrow()
    body.write(' and on').end()
    expect(reader).toMatchObject({ text: 'hello! and on', ended: true })
    expect(replay.heldBytes).toBe(0)
  })

  it('does not read while nobody does', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    expect(body.sink).toBeUndefined()
    const first = replay.cursor()
    new Reader(first)
    first.cancel(OVER)
    body.write('a').write('b')
    expect(body.isPaused).toBe(true)
    expect(replay.heldBytes).toBe(1)
  })

  it('pauses for the slowest once it holds as much as it may', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 4)
    const fast = new Reader(replay.cursor())
    const slowCursor = replay.cursor()
    const slow = new Reader(slowCursor)
    slow.wants = false
    body.write('ab').write('cd')
    expect(fast.text).toBe('abcd')
    expect(slow.text).toBe('ab')
    body.write('ef').write('gh')
    expect(body.isPaused).toBe(true)
    expect(replay.heldBytes).toBeLessThanOrEqual(6)
    slow.wants = true
    slowCursor.resume()
    expect(slow.text).toBe('abcdefgh')
    body.end()
    expect([fast.ended, slow.ended]).toEqual([true, true])
  })

  it('costs no object for each byte of a body that comes byte by byte', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 10_000)
    new Reader(replay.cursor())
    for (let i = 0; i < 9000; i++) body.write('x')
    body.end()
    let writes = 0
    replay.cursor().pipe({
      write: () => ++writes > 0,
      end: () => {},
      reset: () => {},
    })
    expect(writes).toBeLessThan(5)
  })

  it('ends its source with the last attempt, and not before', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    const first = replay.cursor()
    new Reader(first)
    body.write('a')
    first.cancel(OVER)
    expect(body.cancelledBy).toBeUndefined()
    const second = replay.cursor()
    new Reader(second)
    replay.release(OVER)
    expect(replay.replayable).toBe(false)
    expect(body.cancelledBy).toBeUndefined()
    second.cancel(OVER)
    expect(body.cancelledBy).toBe(OVER)
  })

  it('ends its source when it is released unread', () => {
    const body = new ManualBody()
    new ReplayBody(body, 100).release(OVER)
    expect(body.cancelledBy).toBe(OVER)
  })

  it('frees what it holds when it is released, and goes on for whoever still reads', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    const reader = new Reader(replay.cursor())
    body.write('hello')
    expect(replay.heldBytes).toBe(5)
    replay.release(OVER)
    expect(replay.heldBytes).toBe(0)
    body.write('!').end()
    expect(reader).toMatchObject({ text: 'hello!', ended: true })
    expect(body.cancelledBy).toBeUndefined()
  })

  it('breaks whoever reads it when its source breaks', () => {
    const body = new ManualBody()
    const replay = new ReplayBody(body, 100)
    const reader = new Reader(replay.cursor())
    const unread = replay.cursor()
    body.write('a')
    body.reset(OVER)
    expect(reader.broken).toBe(OVER)
    expect(new Reader(unread).broken).toBe(OVER)
    expect(replay.replayable).toBe(false)
  })
})
