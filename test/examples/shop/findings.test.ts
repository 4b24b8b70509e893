import { describe, expect, it } from 'vitest'
import { lostPosts } from '../../../examples/shop/findings.ts'
import type { Outcome } from '../../../examples/shop/tally.ts'

const post = (id: string, flag: string): Outcome => ({
  id,
  method: 'POST',
  betaTester: false,
  startedMs: 0,
  endedMs: 1,
  status: 503,
  servedBy: undefined,
  reason: 'a sentence',
  flag,
})

describe('lostPosts', () => {
  it('keeps a POST that no app received and that was never handed to one', () => {
    const lost = lostPosts([post('c1', 'UF')], new Set())
    expect(lost.map(each => each.id)).toEqual(['c1'])
  })

  it('leaves out a POST that an app received', () => {
    expect(lostPosts([post('c1', 'UF')], new Set(['c1']))).toEqual([])
  })

  it('leaves out a POST that was being handed to an app when it died', () => {
    expect(lostPosts([post('c1', 'UC')], new Set())).toEqual([])
  })
})
