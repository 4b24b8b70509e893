import { expect, it } from 'vitest'
import { windowMsFor } from '../../control/hints.ts'

it('lets few proxies fetch at once and spreads many, never over more than half a second', () => {
  expect(windowMsFor(1)).toBe(0)
  expect(windowMsFor(50)).toBe(0)
  expect(windowMsFor(500)).toBe(200)
  expect(windowMsFor(100_000)).toBe(500)
})
