import { describe, expect, it } from 'vitest'
import { editDistance, nearest, oneOfNames } from '../../mesh/nearest.ts'

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['a', '', 1],
    ['payments', 'paymnts', 1],
    ['payments', 'paymetns', 1],
    ['abc', 'xyz', 3],
    ['kitten', 'sitting', 3],
  ])('from %j to %j is %d', (from, to, expected) => {
    expect(editDistance(from, to)).toBe(expected)
    expect(editDistance(to, from)).toBe(expected)
  })
})

describe('nearest', () => {
  it('finds the name that was meant', () => {
    expect(nearest('paymnets', ['web', 'payments', 'payment-api'])).toBe('payments')
    expect(nearest('Payments', ['web', 'payments'])).toBe('payments')
  })

  it('finds none when none is near', () => {
    expect(nearest('ledger', ['web', 'payments'])).toBeUndefined()
    expect(nearest('ab', ['xy'])).toBeUndefined()
    expect(nearest('a', [])).toBeUndefined()
    expect(nearest('a'.repeat(100_000), ['a'.repeat(100_000)])).toBeUndefined()
  })

  it('lists names, and cuts a long list', () => {
    expect(oneOfNames(['a'])).toBe('"a"')
    expect(oneOfNames(['a', 'b'])).toBe('one of "a", "b"')
    expect(oneOfNames(Array.from({ length: 12 }, (_, index) => `n${index}`))).toMatch(/"n9" and 2 more$/)
  })
})
