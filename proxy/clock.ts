/**
 * The proxy's only source of time and chance.
 *
 * Nearly every request sets a deadline and cancels it, so `after` must be cheap: delays of `COARSE_FROM_MS` and
 * more live in a timer wheel with one interval behind all of them (they fire up to two ticks late, never
 * early); shorter ones are Node's own timers.
 */
import type { Clock, Random, Timer } from '../mesh/clock.ts'

const TICK_MS = 16
/** A power of two; one turn of the wheel is 16 s, so that ordinary deadlines are looked at once. */
const SLOTS = 1024
const COARSE_FROM_MS = 200

/** A place in the ring of one slot: a timer, or the slot's own anchor. */
class WheelTimer implements Timer {
  previous: WheelTimer = this
  next: WheelTimer = this
  readonly dueTick: number
  readonly run: () => void
  private readonly wheel: TimerWheel | undefined

  constructor(dueTick: number, run: () => void, wheel: TimerWheel | undefined) {
    this.dueTick = dueTick
    this.run = run
    this.wheel = wheel
  }

  get linked(): boolean {
    return this.next !== this
  }

  unlink(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }

  cancel(): void {
    if (!this.linked) return
    this.unlink()
    this.wheel?.removed()
  }
}

const nothing = () => {}

/**
 * Timers in a hashed wheel: adding and cancelling cost a few pointer writes. `schedule` calls back every tick
 * while there is anything to wait for, and returns how to stop that.
 */
export class TimerWheel {
  private readonly slots: WheelTimer[] = []
  private readonly monotonic: () => number
  private readonly schedule: (everyMs: number, tick: () => void) => () => void
  private count = 0
  private lastTick = 0
  private stop: (() => void) | undefined

  constructor(monotonic: () => number, schedule: (everyMs: number, tick: () => void) => () => void) {
    this.monotonic = monotonic
    this.schedule = schedule
    for (let i = 0; i < SLOTS; i++) this.slots.push(new WheelTimer(0, nothing, undefined))
  }

  add(delayMs: number, run: () => void): Timer {
    const nowMs = this.monotonic()
    if (this.stop === undefined) {
      this.lastTick = Math.floor(nowMs / TICK_MS)
      this.stop = this.schedule(TICK_MS, () => this.tick())
    }
    const dueTick = Math.ceil((nowMs + delayMs) / TICK_MS)
    const timer = new WheelTimer(dueTick, run, this)
    const anchor = this.slots[dueTick % SLOTS] as WheelTimer
    timer.previous = anchor.previous
    timer.next = anchor
    anchor.previous.next = timer
    anchor.previous = timer
    this.count++
    return timer
  }

  removed(): void {
    this.count--
  }

  /** Fires what is due, in order of ticks; a timer that throws must not take the others with it. */
  private tick(): void {
    const nowTick = Math.floor(this.monotonic() / TICK_MS)
    const from = Math.max(this.lastTick + 1, nowTick - SLOTS + 1)
    this.lastTick = nowTick
    for (let tick = from; tick <= nowTick; tick++)
      this.fireSlot(this.slots[tick % SLOTS] as WheelTimer, nowTick)
    if (this.count === 0) {
      this.stop?.()
      this.stop = undefined
    }
  }

  private fireSlot(anchor: WheelTimer, nowTick: number): void {
    if (!anchor.linked) return
    const due: WheelTimer[] = []
    for (let timer = anchor.next; timer !== anchor; timer = timer.next) {
      if (timer.dueTick <= nowTick) due.push(timer)
    }
    for (const timer of due) {
      // One that fired before it may have cancelled this one.
      if (!timer.linked) continue
      timer.cancel()
      try {
        timer.run()
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

const wheel = new TimerWheel(
  () => performance.now(),
  (everyMs, tick) => {
    const interval = setInterval(tick, everyMs)
    return () => clearInterval(interval)
  },
)

/** The longest delay that Node's timers hold; they fire at once beyond it. */
const MAX_NODE_DELAY_MS = 2 ** 31 - 1

function after(delayMs: number, run: () => void): Timer {
  if (delayMs > MAX_NODE_DELAY_MS) {
    let rest = after(MAX_NODE_DELAY_MS, () => {
      rest = after(delayMs - MAX_NODE_DELAY_MS, run)
    })
    return { cancel: () => rest.cancel() }
  }
  if (delayMs >= COARSE_FROM_MS) return wheel.add(delayMs, run)
  const timeout = setTimeout(run, delayMs)
  return { cancel: () => clearTimeout(timeout) }
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now(), after }

export const systemRandom: Random = { next: () => Math.random() }
