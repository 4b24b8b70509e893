import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Clock, Timer } from '../../mesh/clock.ts'

/** Editors write a file in several steps: many events, one change. */
const SETTLE_MS = 60

export interface FileWatch {
  /** Watches these files from now on instead of the ones before. */
  follow(files: readonly string[]): void
  close(): void
}

/**
 * Calls `onChange` after any of the files changed. Watches their folders, because many editors replace a file by
 * another one of its name, and a watch on the file itself would stay with the old one.
 */
export function watchFiles(clock: Clock, onChange: () => void): FileWatch {
  const watchers = new Map<string, FSWatcher>()
  let names = new Map<string, Set<string>>()
  let timer: Timer | undefined

  const changed = (folder: string, name: string | null) => {
    if (name !== null && !names.get(folder)?.has(name)) return
    timer?.cancel()
    timer = clock.after(SETTLE_MS, onChange)
  }
  const open = (folder: string) => {
    const watcher = watch(folder, (_event, name) => changed(folder, name))
    // A folder that goes away ends its watch; the next change elsewhere finds out what is left.
    watcher.on('error', () => watchers.delete(folder))
    watchers.set(folder, watcher)
  }
  return {
    follow(files) {
      names = byFolder(files)
      for (const [folder, watcher] of watchers) {
        if (names.has(folder)) continue
        watcher.close()
        watchers.delete(folder)
      }
      for (const folder of names.keys()) if (!watchers.has(folder)) open(folder)
    },
    close() {
      timer?.cancel()
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}

/** How far a file system's clock may lag behind ours. */
const CLOCK_LAG_MS = 20

/** Whether any of the files was written, or went away, since then: what a watch that begins now has missed. */
export const changedSince = (files: readonly string[], sinceMs: number): boolean =>
  files.some(file => {
    const found = statSync(file, { throwIfNoEntry: false })
    return found === undefined || found.mtimeMs >= sinceMs - CLOCK_LAG_MS
  })

function byFolder(files: readonly string[]): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>()
  for (const file of files) {
    const names = folders.get(dirname(file)) ?? new Set()
    folders.set(dirname(file), names.add(basename(file)))
  }
  return folders
}
