import { describe, expect, it } from 'vitest'
import { lostPosts } from '../../../examples/shop/findings.ts'
import type { Outcome } from '../../../examples/shop/tally.ts'

const post = (id: string, reason: string): Outcome => ({
  id,
  method: 'POST',
  betaTester: false,
  startedMs: 0,
  endedMs: 1,
  status: 503,
  servedBy: undefined,
  reason,
})

describe('lostPosts', () => {
  it('keeps a POST that no app received and that was never handed to one', () => {
    const lost = lostPosts([post('c1', 'connect-failure: connection refused')], new Set())
    expect(lost.map(each => each.id)).toEqual(['c1'])
  })

  it('leaves out a POST that an app received', () => {
    expect(lostPosts([post('c1', 'connect-failure: connection refused')], new Set(['c1']))).toEqual([])
  })

  it('leaves out a POST that was being handed to an app when it died', () => {
    expect(lostPosts([post('c1', 'upstream-reset: the connection broke')], new Set())).toEqual([])
  })
})
