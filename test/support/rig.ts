import { spawnSync } from 'node:child_process'
import { describe } from 'vitest'

/**
 * A rig is a program that some tests need and a bare machine lacks. Without it they are skipped, loudly, with the
 * command that installs it; where CI has installed it (`SELVAGE_RIGS=required`) its absence fails the run.
 */
export interface Rig {
  readonly name: string
  readonly install: string
  readonly found: boolean
}

export function rig(name: string, install: string): Rig {
  const found = spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' }).status === 0
  if (!found && process.env.SELVAGE_RIGS === 'required') {
    throw new Error(`rig "${name}" is missing although CI installs it (${install})`)
  }
  return { name, install, found }
}

/** `describe` where every rig is there; otherwise a skipped suite whose name says what is missing and how to get it. */
export function describeWith(rigs: readonly Rig[], title: string, suite: () => void): void {
  const missing = rigs.filter(each => !each.found)
  if (missing.length === 0) {
    describe(title, suite)
    return
  }
  const how = missing.map(each => `${each.name} (${each.install})`).join(', ')
  process.stderr.write(`SKIPPED: ${title}: needs ${how}\n`)
  describe.skip(`${title} [skipped: needs ${how}]`, suite)
}
