/** Dice that fall the same way each time. */
import type { Random } from '../mesh/clock.ts'

/** A `Random` from a seed (mulberry32): the same numbers for the same seed, evenly spread. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = state
      mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
    },
  }
}

/** A `Random` that gives these numbers in turn, over and over. */
export function scriptedRandom(...numbers: readonly number[]): Random {
  let turn = 0
  return { next: () => numbers[turn++ % numbers.length] ?? 0 }
}
