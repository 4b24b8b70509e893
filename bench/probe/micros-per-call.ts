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

/** The same for calls that wait for a promise; what the waiting costs is part of it. */
export async function microsPerAsyncCall(rounds: number, call: () => Promise<void>): Promise<number[]> {
  await oneAsyncRound(call)
  const micros: number[] = []
  for (let round = 0; round < rounds; round += 1) micros.push(await oneAsyncRound(call))
  return micros
}

async function oneAsyncRound(call: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  let calls = 0
  let used = 0
  while (used < ROUND_MICROS) {
    for (let index = 0; index < BATCH; index += 1) await call()
    calls += BATCH
    const { user, system } = process.cpuUsage(before)
    used = user + system
  }
  return used / calls
}
