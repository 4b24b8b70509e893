/** Files that only their owner may read: keys and tokens. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Writes a file of mode 0600 in one step: a crash leaves the old one or the new one.
 * @throws Error that names the file, and the old one stays
 */
export function writePrivateFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeWhole(temporary, text)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot write ${path}: ${reason}`, { cause: error })
  }
}

function writeWhole(path: string, text: string): void {
  const descriptor = openSync(path, 'w', 0o600)
  try {
    // A disk that is nearly full takes a part.
    const written = writeSync(descriptor, text)
    if (written < Buffer.byteLength(text)) throw new Error('no space left on device')
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
