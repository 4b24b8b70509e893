import { describe, expect, test } from 'vitest'
import { TimerWheel } from '../../proxy/clock.ts'

/** A wheel whose time stands still until `turn`. */
function pausedWheel() {
  let nowMs = 1_000_003
  let tick: (() => void) | undefined
  const wheel = new TimerWheel(
    () => nowMs,
    (_everyMs, run) => {
      tick = run
      return () => {
        tick = undefined
      }
    },
  )
  return {
    wheel,
    turn(ms: number) {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs = Math.min(end, nowMs + 16)
        tick?.()
      }
    },
    jump(ms: number) {
      nowMs += ms
      tick?.()
    },
    running: () => tick !== undefined,
  }
}

describe('TimerWheel', () => {
  test('fires no earlier than asked and at most two ticks later', () => {
    const { wheel, turn } = pausedWheel()
    for (const delayMs of [200, 250, 999, 15_000, 16_384, 40_000]) {
      let fired = false
      wheel.add(delayMs, () => {
        fired = true
      })
      turn(delayMs - 1)
      expect(fired).toBe(false)
      turn(33)
      expect(fired).toBe(true)
    }
  })

  test('does not fire a cancelled timer and cancels twice without harm', () => {
    const { wheel, turn } = pausedWheel()
    let fired = 0
    const cancelled = wheel.add(300, () => fired++)
    wheel.add(300, () => fired++)
    cancelled.cancel()
    cancelled.cancel()
    turn(400)
    expect(fired).toBe(1)
  })

  test('does not fire a timer that an earlier one of the same tick cancelled', () => {
    const { wheel, turn } = pausedWheel()
    let fired = false
    wheel.add(300, () => second.cancel())
    const second = wheel.add(300, () => {
      fired = true
    })
    turn(400)
    expect(fired).toBe(false)
  })

  test('fires everything that is due after the event loop was blocked for longer than a turn of the wheel', () => {
    const { wheel, jump } = pausedWheel()
    let fired = 0
    for (let delayMs = 200; delayMs < 60_000; delayMs += 100) wheel.add(delayMs, () => fired++)
    jump(61_000)
    expect(fired).toBe(598)
  })

  test('stops ticking when nothing waits, and begins again', () => {
    const { wheel, turn, running } = pausedWheel()
    wheel.add(300, () => {}).cancel()
    turn(16)
    expect(running()).toBe(false)
    let fired = false
    wheel.add(300, () => {
      fired = true
    })
    turn(340)
    expect(fired).toBe(true)
    expect(running()).toBe(false)
  })
})
