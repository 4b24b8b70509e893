import { describe, expect, it } from 'vitest'
import { bytesBody, discard, EMPTY_BODY } from '../../proxy/body.ts'
import { collect } from '../support/collect.ts'
import { ManualBody } from '../support/manual-body.ts'
import { bodyContract } from './body.contract.ts'

describe('a body of bytes', () => {
  bodyContract({
    open: ({ pieces }) => ({ source: bytesBody(Buffer.concat(pieces)) }),
    hasTrailers: false,
    canBreak: false,
  })

  it('is the empty one when there are none', () => {
    expect(bytesBody(Buffer.alloc(0))).toBe(EMPTY_BODY)
  })
})

describe('the empty body', () => {
  it('ends whoever reads it at once, as often as they like', async () => {
    expect((await collect(EMPTY_BODY)).text).toBe('')
    expect((await collect(EMPTY_BODY)).text).toBe('')
  })
})

describe('discard', () => {
  it('reads a short body to its end', () => {
    const body = new ManualBody()
    discard(body, 10)
    body.write('hello').end()
    expect(body.cancelledBy).toBeUndefined()
    expect(body.isOver).toBe(true)
  })

  it('cancels one that is known to be long, unread', () => {
    const body = new ManualBody(11)
    discard(body, 10)
    expect(body.sink).toBeUndefined()
    expect(body.cancelledBy?.code).toBe('cancelled')
  })

  it('cancels one that turns out to be long', () => {
    const body = new ManualBody()
    discard(body, 10)
    body.write('hello').write('hello')
    expect(body.cancelledBy).toBeUndefined()
    body.write('!')
    expect(body.cancelledBy?.code).toBe('cancelled')
  })
})
