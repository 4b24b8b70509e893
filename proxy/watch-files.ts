/**
 * Tells when something in a directory may have changed. Whole directories are watched, because files are replaced
 * by renaming (and by swapped links, as Kubernetes mounts them); a slow look now and then covers file systems that
 * do not report changes.
 */
import { type FSWatcher, watch } from 'node:fs'
import type { Clock, Timer } from '../mesh/clock.ts'

/** A replacement is several changes in a row. */
const SETTLE_MS = 50
const LOOK_AGAIN_MS = 30_000

/** Calls `changed` after changes and every half minute, never right away. Returns how to stop. */
export function watchDirectory(directory: string, clock: Clock, changed: () => void): () => void {
  let settle: Timer | undefined
  let look: Timer
  let watcher: FSWatcher | undefined
  const lookAgain = () => {
    look = clock.after(LOOK_AGAIN_MS, () => {
      watcher ??= open()
      changed()
      lookAgain()
    })
  }
  const open = (): FSWatcher | undefined => {
    try {
      const opened = watch(directory, { persistent: false }, () => {
        settle?.cancel()
        settle = clock.after(SETTLE_MS, changed)
      })
      opened.on('error', () => {
        opened.close()
        watcher = undefined
      })
      return opened
    } catch {
      // Not there yet, or out of watches: the slow look goes on.
      return undefined
    }
  }
  watcher = open()
  lookAgain()
  return () => {
    settle?.cancel()
    look.cancel()
    watcher?.close()
  }
}
