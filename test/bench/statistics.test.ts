import { expect, test } from 'vitest'
import { median, medianRatio, rounded, spread } from '../../bench/statistics.ts'

test('takes the middle of an odd number of values, whatever their order', () => {
  expect(median([9, 1, 5])).toBe(5)
})

test('takes the mean of the two middle ones of an even number', () => {
  expect(median([10, 1, 3, 2])).toBe(2.5)
})

test('refuses a median of nothing', () => {
  expect(() => median([])).toThrow(/at least one value/)
})

test('leaves its input as it was', () => {
  const values = [3, 1, 2]
  median(values)
  expect(values).toEqual([3, 1, 2])
})

test('gives lowest and highest as the spread', () => {
  expect(spread([3, 1, 2])).toEqual({ lowest: 1, highest: 3 })
})

test('compares within each round, so that a slow round does not bend the ratio', () => {
  // The machine was ten times slower in the second round; the ratio of the medians would be 0.2.
  expect(medianRatio([10, 100, 11], [20, 200, 22])).toBe(0.5)
  expect(medianRatio([10, 300, 30], [20, 200, 10])).toBe(1.5)
})

test('leaves out rounds in which one of the two is missing', () => {
  expect(medianRatio([10, undefined, 30], [20, 1, undefined])).toBe(0.5)
})

test('has no ratio when no round has both', () => {
  expect(medianRatio([1, 2], [])).toBeUndefined()
  expect(medianRatio([1], [0])).toBeUndefined()
})

test('rounds to a number', () => {
  expect(rounded(1.23456, 2)).toBe(1.23)
  expect(rounded(99.6, 0)).toBe(100)
})
