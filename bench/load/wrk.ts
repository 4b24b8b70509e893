/** wrk (https://github.com/wg/wrk): one thread, keep-alive connections, closed loop. */
import { startChild } from '../children.ts'
import type { LoadGenerator, LoadRequest, LoadResult } from './load.ts'

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function durationMs(text: string): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s|m|h)$/.exec(text) ?? []
  if (value === undefined || unit === undefined) throw new Error(`wrk: expected a duration, found "${text}"`)
  return Number(value) * (UNITS_MS[unit] as number)
}

function find(output: string, pattern: RegExp, what: string): string {
  const found = pattern.exec(output)?.[1]
  if (found === undefined) throw new Error(`wrk: no ${what} in its output:\n${output.slice(0, 1000)}`)
  return found
}

/** Reads what `wrk --latency` prints. Throws when a figure is missing. */
export function parseWrkOutput(output: string): LoadResult {
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)
  const badAnswers = /Non-2xx or 3xx responses: (\d+)/.exec(output)
  const errors = [...(socketErrors?.slice(1) ?? []), ...(badAnswers?.slice(1) ?? [])]
  return {
    requests: Number(find(output, /^\s*(\d+) requests in /m, 'number of requests')),
    seconds: durationMs(find(output, /^\s*\d+ requests in ([\d.]+\w+),/m, 'run time')) / 1000,
    p50Ms: durationMs(find(output, /^\s*50%\s+([\d.]+\w+)/m, '50th percentile')),
    p99Ms: durationMs(find(output, /^\s*99%\s+([\d.]+\w+)/m, '99th percentile')),
    errors: errors.reduce((sum, count) => sum + Number(count), 0),
  }
}

/** Seconds beyond the run's own length after which wrk is taken to hang. */
const PATIENCE_SECONDS = 15

export function wrkGenerator(command: string): LoadGenerator {
  return {
    name: 'wrk',
    async run(request: LoadRequest): Promise<LoadResult> {
      let output = ''
      const { connections, seconds, url } = request
      const child = await startChild({
        name: 'wrk',
        command,
        args: ['--latency', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', url],
        cpus: request.cpus,
        onStdout: chunk => {
          output += chunk
        },
      })
      const hang = setTimeout(() => child.stop('SIGKILL'), (seconds + PATIENCE_SECONDS) * 1000)
      const end = await child.gone
      clearTimeout(hang)
      if (end !== 'exit code 0') throw new Error(`wrk ended with ${end}: ${child.complaints()}`)
      return parseWrkOutput(output)
    },
  }
}
