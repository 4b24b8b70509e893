import { expect, test } from 'vitest'
import { warmUntilSteady } from '../../bench/measure/warm-up.ts'

const costs = (...values: number[]) => {
  let at = 0
  return async () => values[at++] ?? Number.NaN
}

test('goes on while requests get cheaper', async () => {
  expect(await warmUntilSteady(costs(40, 30, 20, 19.9))).toBe(4)
})

test('stops after the second burst when the first was as good', async () => {
  expect(await warmUntilSteady(costs(15, 15.2))).toBe(2)
})

test('stops after six bursts, steady or not', async () => {
  expect(await warmUntilSteady(costs(60, 50, 40, 30, 20, 10, 5))).toBe(6)
})
