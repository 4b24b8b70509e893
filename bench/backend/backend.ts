/** The app behind the proxies. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HUGE_BYTES, LARGE_BYTES, requestPaths, SMALL_BYTES } from '../document.ts'

export interface Backend {
  /** What it is, for the report. */
  readonly name: string
  readonly port: number
  stop(): Promise<void>
}

/** What it answers, and where. */
export interface Content {
  /** Text, so that a configuration file can hold it. */
  readonly smallBody: string
  readonly largeFile: string
  readonly hugeFile: string
  readonly largePath: string
  readonly hugePath: string
}

/** Makes the bodies below `directory`: random, so that nothing on the way can be clever about them. */
export function makeContent(directory: string, routeCount: number): Content {
  const largeFile = join(directory, 'large')
  const hugeFile = join(directory, 'huge')
  writeFileSync(largeFile, randomBytes(LARGE_BYTES), { mode: 0o644 })
  writeFileSync(hugeFile, randomBytes(HUGE_BYTES), { mode: 0o644 })
  return {
    smallBody: randomBytes(SMALL_BYTES / 2).toString('hex'),
    largeFile,
    hugeFile,
    largePath: requestPaths.large(routeCount),
    hugePath: requestPaths.huge(routeCount),
  }
}
