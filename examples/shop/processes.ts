/** The demo's child processes: started, listened to, killed, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { waitFor } from './clock.ts'

const LIFELINE = new URL('exit-with-parent.ts', import.meta.url).href
/** Lines of a child's own words that are kept for the message when it dies. */
const KEPT_LINES = 8
const KEPT_EVENTS = 1_000
const GONE_MS = 5_000

export interface ProcessSpec {
  /** What people call it: `web`, `sidecar of payments-v1-a`. */
  readonly name: string
  /** The script that it runs. */
  readonly script: URL
  readonly env: Readonly<Record<string, string>>
}

/** A line that a process printed on stdout about itself: `{"event":"listening", …}`. */
export type ProcessEvent = Readonly<Record<string, unknown>> & { readonly event: string }

export class Process {
  readonly spec: ProcessSpec
  private readonly child: ChildProcess
  readonly events: ProcessEvent[] = []
  private readonly lastLines: string[] = []
  private ended: string | undefined
  private expected = false

  constructor(spec: ProcessSpec, onUnexpectedEnd: (process: Process) => void) {
    this.spec = spec
    this.child = spawn(process.execPath, ['--import', LIFELINE, fileURLToPath(spec.script)], {
      env: { ...inherited(), ...spec.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // The lifeline: never written to, closed by the end of this process. A killed child breaks it, and that is fine.
    this.child.stdin?.on('error', () => {})
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', line => this.read(line))
    }
    const end = (how: string) => {
      this.ended ??= how
      if (!this.expected) onUnexpectedEnd(this)
    }
    this.child.on('error', error => end(error.message))
    this.child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : signal))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get alive(): boolean {
    return this.ended === undefined
  }

  /** Kills it at once and waits until it is gone. */
  async kill(): Promise<void> {
    this.killNow()
    await waitFor(`${this.spec.name}: to be gone`, GONE_MS, () => !this.alive, 2)
  }

  /** SIGKILL without waiting; for the last moments of the demo itself. */
  killNow(): void {
    this.expected = true
    this.child.kill('SIGKILL')
  }

  /**
   * The first event of that name, now or when it comes.
   * @throws when the process ended before, with its last words
   */
  event(name: string, timeoutMs: number): Promise<ProcessEvent> {
    return waitFor(`${this.spec.name}: "${name}"`, timeoutMs, () => {
      const found = this.events.find(each => each.event === name)
      if (found === undefined && !this.alive) throw new Error(this.obituary)
      return found
    })
  }

  get obituary(): string {
    return [`${this.spec.name} ended (${this.ended ?? 'it has not'})`, ...this.lastLines].join('\n  ')
  }

  private read(line: string): void {
    const event = parseEvent(line)
    if (event !== undefined && this.events.length < KEPT_EVENTS) this.events.push(event)
    this.lastLines.push(line)
    if (this.lastLines.length > KEPT_LINES) this.lastLines.shift()
  }
}

/** Settings of the mesh in the user's own environment must not reach the demo's processes. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SELVAGE_|OTEL_|NODE_OPTIONS$)/.test(name)),
  )

function parseEvent(line: string): ProcessEvent | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isEvent = (value: unknown): value is ProcessEvent =>
  typeof value === 'object' && value !== null && 'event' in value && typeof value.event === 'string'

/** Every process that was started here, so that all of them can be ended at once. */
export class Fleet {
  private readonly processes = new Set<Process>()
  private failed: Process | undefined
  /** Told when a process ends that nobody killed. */
  onUnexpectedEnd: (process: Process) => void = () => {}

  start(spec: ProcessSpec): Process {
    const started = new Process(spec, process => {
      this.failed ??= process
      this.onUnexpectedEnd(process)
    })
    this.processes.add(started)
    return started
  }

  get count(): number {
    return [...this.processes].filter(each => each.alive).length
  }

  /** The first process that ended though nobody killed it. */
  get casualty(): Process | undefined {
    return this.failed
  }

  killAllNow(): void {
    for (const each of this.processes) if (each.alive) each.killNow()
  }

  /** The same, and waits until they are gone, so that nobody else has to bury them. */
  async killAll(): Promise<void> {
    this.killAllNow()
    await waitFor('all processes: to be gone', GONE_MS, () => this.count === 0, 2)
  }
}
