/** Values of Date (RFC 9110 5.6.7), made once a second. */
import type { Clock } from '../../../mesh/clock.ts'

let second = Number.NaN
let text = ''

export function httpDate(clock: Clock): string {
  const now = Math.floor(clock.now() / 1000)
  if (now !== second) {
    second = now
    text = new Date(now * 1000).toUTCString()
  }
  return text
}
