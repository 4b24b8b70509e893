import type { Random } from '../mesh/clock.ts'
import type { Settings } from './settings.ts'
import type { StateDir } from './state-dir.ts'

/** Id of this endpoint: as set, as kept, or drawn now and kept. Rejects when it cannot be kept. */
export async function instanceId(settings: Settings, state: StateDir, random: Random): Promise<string> {
  if (settings.instance !== undefined) return settings.instance
  const kept = state.read('instance')?.trim()
  if (kept !== undefined && kept !== '') return kept
  const digits = () =>
    Math.floor(random.next() * 0x1_0000_0000)
      .toString(36)
      .padStart(7, '0')
  const id = `${settings.workload.replace('/', '-')}-${digits()}${digits()}`
  await state.write('instance', `${id}\n`)
  return id
}
