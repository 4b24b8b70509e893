import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock, Timer } from '../../mesh/clock.ts'
import { lineSplitter } from './lines.ts'

export interface AppSettings {
  readonly command: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** A line that the app wrote. */
  readonly onLine: (line: string) => void
  /** What happens to it: starts, ends, restarts. */
  readonly onEvent: (event: AppEvent) => void
}

export type AppEvent =
  | {
      readonly kind: 'ended'
      /** `exit code 3`, `SIGKILL`. */
      readonly how: string
      /** Ends in a row, this one included, none of them after a time of being well. */
      readonly inARow: number
      readonly restartInMs: number
    }
  | { readonly kind: 'unstartable'; readonly reason: string }

/** A command of the person's own, kept running. */
export interface App {
  /** Process id, while it runs. */
  readonly pid: number | undefined
  /** Ends it and starts it again with another environment. */
  restart(env: Readonly<Record<string, string | undefined>>): Promise<void>
  /** Ends it and everything that it started. */
  stop(): Promise<void>
}

const FIRST_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 10_000
/** Whoever ran this long has earned a quick restart. */
const STABLE_MS = 10_000
/** Between the polite request to end and the other one. */
const PATIENCE_MS = 5_000

/** However this process ends, nothing of theirs stays behind. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL')
})

/** Starts a shell command; when it dies it is started again, later each time. */
export function startApp(settings: AppSettings): App {
  const { clock } = settings
  let env = settings.env
  let child: ChildProcess | undefined
  let wanted = true
  let failures = 0
  let timer: Timer | undefined

  const start = () => {
    const startedMs = clock.monotonic()
    const started = spawnShell(settings, env)
    child = started
    running.add(started)
    started.once('error', error => settings.onEvent({ kind: 'unstartable', reason: error.message }))
    started.once('exit', (code, signal) => {
      // What the shell has left behind would hold the port that its successor needs.
      signalGroup(started, 'SIGKILL')
      running.delete(started)
      if (child !== started) return
      child = undefined
      if (!wanted) return
      failures = clock.monotonic() - startedMs > STABLE_MS ? 1 : failures + 1
      const restartInMs = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), MAX_BACKOFF_MS)
      settings.onEvent({ kind: 'ended', how: signal ?? `exit code ${code}`, inARow: failures, restartInMs })
      timer = clock.after(restartInMs, start)
    })
  }

  const end = async () => {
    wanted = false
    timer?.cancel()
    const running = child
    child = undefined
    if (running !== undefined) await endGroup(running, clock)
  }

  start()
  return {
    get pid() {
      return child?.pid
    },
    async restart(next) {
      await end()
      env = next
      wanted = true
      failures = 0
      start()
    },
    stop: end,
  }
}

function spawnShell(settings: AppSettings, env: AppSettings['env']): ChildProcess {
  const child = spawn(settings.command, {
    shell: true,
    cwd: settings.cwd,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own: ending it ends what the shell started, and Ctrl-C reaches only us.
    detached: process.platform !== 'win32',
  })
  for (const stream of [child.stdout, child.stderr]) {
    const lines = lineSplitter(settings.onLine)
    stream
      ?.setEncoding('utf8')
      .on('data', (text: string) => lines.push(text))
      .on('end', lines.flush)
  }
  return child
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (process.platform === 'win32') child.kill(signal)
    else if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // Nobody of the group is left.
  }
}

async function endGroup(child: ChildProcess, clock: Clock): Promise<void> {
  if (child.pid === undefined) return
  const ended = new Promise<void>(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    child.once('exit', () => resolve())
  })
  signalGroup(child, 'SIGTERM')
  const timer = clock.after(PATIENCE_MS, () => signalGroup(child, 'SIGKILL'))
  await ended
  timer.cancel()
}
