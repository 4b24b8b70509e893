import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../mesh/clock.ts'
import { ManualClock } from './clock.ts'

const LOOK_EVERY_MS = 5
const TRIES = 12_000
/** How far a clock to be turned by hand is turned while we wait. */
const TURN_MS = 10

/** Waits until `holds`; turns a clock that would stand still. Rejects with `what` after a minute. */
export async function patience(clock: Clock | undefined, what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (holds()) return
    if (clock instanceof ManualClock) await clock.advance(TURN_MS)
    await sleep(LOOK_EVERY_MS)
  }
  throw new Error(`this did not come true in ${(LOOK_EVERY_MS * TRIES) / 1000} s: ${what}`)
}
