/** CPU microseconds of one call, measured several times over after a warm-up. */

const BATCH = 20_000
const ROUND_MICROS = 300_000

/** Each round lasts a fixed amount of CPU time of this process, whatever else the machine does. */
export function microsPerCall(rounds: number, call: () => void): number[] {
  oneRound(call)
  return Array.from({ length: rounds }, () => oneRound(call))
}

function oneRound(call: () => void): number {
  const before = process.cpuUsage()
  let calls = 0
  let used = 0
  while (used < ROUND_MICROS) {
    for (let index = 0; index < BATCH; index += 1) call()
    calls += BATCH
    const { user, system } = process.cpuUsage(before)
    used = user + system
  }
  return used / calls
}
