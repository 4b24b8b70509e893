/** The sidecar as a process of its own, as anybody starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterTest } from './proxy.ts'
import { until } from './until.ts'

const MAIN = fileURLToPath(new URL('../../proxy/main.ts', import.meta.url))

export type Line = Readonly<Record<string, unknown>> & { readonly event: string }

export interface ProxyProcess {
  readonly child: ChildProcess
  readonly lines: readonly Line[]
  /** Everything on stderr so far. */
  stderr(): string
  /** The first line with that event, now or when it comes. */
  line(event: string): Promise<Line>
  /** Exit code. */
  exit(): Promise<number | null>
}

export function proxyProcess(env: Readonly<Record<string, string>>): ProxyProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SELVAGE_|OTEL_|NODE_OPTIONS$)/.test(name),
  )
  const child = spawn(process.execPath, [MAIN], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  afterTest(() => child.kill('SIGKILL'))
  const lines: Line[] = []
  createInterface({ input: child.stdout }).on('line', line => lines.push(JSON.parse(line)))
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    lines,
    stderr: () => errors,
    line: event =>
      until(`the proxy says "${event}" (it said ${JSON.stringify(lines)} ${errors})`, () =>
        lines.find(each => each.event === event),
      ),
    exit: () => exited,
  }
}
