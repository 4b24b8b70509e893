/**
 * What the proxy keeps over restarts: its identity, its instance id and the last good snapshot. A directory that
 * only its user may enter (0700), with files only it may read (0600), each replaced whole.
 */
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'

export interface StateDir {
  /** Undefined: everything lives in memory and is gone after a restart. */
  readonly path: string | undefined
  /** Undefined when nothing was kept. */
  read(name: StateFile): string | undefined
  /** Replaces the file; rejects with an `Error` that names it. Writes of one file are put in order. */
  write(name: StateFile, text: string): Promise<void>
}

export type StateFile = 'identity.json' | 'snapshot.json' | 'instance'

/** Opens, creates and closes off the directory. Throws an `Error` that names it when it cannot be used. */
export function openStateDir(path: string | undefined): StateDir {
  if (path === undefined) return memoryState()
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700)
  } catch (error) {
    throw new Error(`state directory ${path}: ${(error as Error).message}`)
  }
  const writing = new Map<StateFile, Promise<void>>()
  return {
    path,
    read: name => readKept(join(path, name)),
    write(name, text) {
      const before = writing.get(name) ?? Promise.resolve()
      const after = before.catch(() => {}).then(() => replace(join(path, name), text))
      writing.set(name, after)
      return after
    },
  }
}

function memoryState(): StateDir {
  const files = new Map<StateFile, string>()
  return {
    path: undefined,
    read: name => files.get(name),
    async write(name, text) {
      files.set(name, text)
    },
  }
}

function readKept(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`state file ${file}: ${(error as Error).message}`)
  }
}

/** Written aside and renamed, so that a crash leaves the old file or the new one. */
async function replace(file: string, text: string): Promise<void> {
  const aside = `${file}.new`
  try {
    const handle = await open(aside, 'w', 0o600)
    try {
      await handle.chmod(0o600)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(aside, file)
  } catch (error) {
    throw new Error(`state file ${file}: ${(error as Error).message}`)
  }
}
