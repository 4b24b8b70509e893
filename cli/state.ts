/**
 * What `dev` leaves in its state folder for `status`, `apply` and `check`: where everything is. The folder holds
 * the authority's key and the operator's token, so it is the user's alone.
 */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import { CommandError, reasonOf } from './command-error.ts'

/** Under the current folder, unless the person names another. */
export const STATE_FOLDER = '.selvage'
const DEV_FILE = 'dev.json'

const devStateSchema = z.object({
  pid: z.int(),
  mesh: z.string(),
  control: z.url(),
  proxies: z.array(
    z.object({
      workload: z.string(),
      instance: z.string(),
      /** URL of the admin endpoints. */
      admin: z.url(),
    }),
  ),
})
export type DevState = z.infer<typeof devStateSchema>

/** Makes the folder (0700); refuses one that another `dev` uses at the moment. */
export async function openStateFolder(folder: string): Promise<void> {
  const other = readDevState(folder)
  if (other !== undefined && (await answers(new URL(other.control)))) {
    throw new CommandError('missing', `another "selvage dev" (process ${other.pid}) uses ${folder}`, {
      hint: 'Stop it, or give this one a folder of its own with --state-dir.',
    })
  }
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
  } catch (error) {
    throw new CommandError('missing', `cannot make the state folder ${folder}: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

/** Whether its control plane still listens: a process id may long belong to somebody else. */
function answers(url: URL): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: url.hostname, port: Number(url.port) })
    const finish = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => finish(true)).once('error', () => finish(false))
    socket.setTimeout(1_000, () => finish(false))
  })
}

/** Undefined: no `dev` has written here, or not so that this version could read it. */
export function readDevState(folder: string): DevState | undefined {
  try {
    return devStateSchema.parse(JSON.parse(readFileSync(join(folder, DEV_FILE), 'utf8')))
  } catch {
    return undefined
  }
}

export function writeDevState(folder: string, state: DevState): void {
  writeFileSync(join(folder, DEV_FILE), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
}

export function removeDevState(folder: string): void {
  rmSync(join(folder, DEV_FILE), { force: true })
}
