/**
 * The processes that the bench starts: each pinned to a core, each killed at the end, whatever the end is.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Child {
  /** What it is, for messages: `nginx (egress)`. */
  readonly name: string
  readonly pid: number
  /** Resolves with the exit code or signal once the process is gone and its output has been read. */
  readonly gone: Promise<string>
  readonly exited: () => boolean
  /** The last lines that it wrote to stderr. */
  readonly complaints: () => string
  /** Asks it to stop, insists after two seconds, and resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface ChildOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Cores that it may use; undefined leaves it to the scheduler. */
  readonly cpus?: readonly number[] | undefined
  readonly env?: Readonly<Record<string, string>>
  readonly onStdout?: (chunk: string) => void
}

const KEPT_STDERR_CHARS = 4000
const STOP_GRACE_MS = 2000

const living = new Set<ChildProcess>()

// The last resort: nothing that we started outlives us, even when an exception ends the process.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** Starts a process; throws when the command cannot be run at all. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [command, args] =
    options.cpus === undefined
      ? [options.command, options.args]
      : ['taskset', ['-c', options.cpus.join(','), options.command, ...options.args]]
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  living.add(child)
  const complaints = collectStderr(child)
  child.on('exit', () => living.delete(child))
  const gone = new Promise<string>(resolve => {
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  child.stdout.setEncoding('utf8').on('data', options.onStdout ?? (() => {}))
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', error => {
      living.delete(child)
      reject(new Error(`${options.name}: cannot run "${command}": ${error.message}`))
    })
  })
  return {
    name: options.name,
    pid: child.pid as number,
    gone,
    exited: () => child.exitCode !== null || child.signalCode !== null,
    complaints,
    stop: signal => stopChild(child, signal ?? 'SIGTERM'),
  }
}

function collectStderr(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-KEPT_STDERR_CHARS)
  })
  return () => text.trim()
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  await exited
  clearTimeout(insist)
}

/** Kills everything at once: for signals, where there is no time for manners. */
export function killAllChildren(): void {
  for (const child of living) child.kill('SIGKILL')
}
