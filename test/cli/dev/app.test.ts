import { expect, it, onTestFinished, vi } from 'vitest'
import { type AppEvent, startApp } from '../../../cli/dev/app.ts'
import type { Clock } from '../../../mesh/clock.ts'
import { project } from '../project.ts'

/** A busy machine takes its time to start a shell, and to tell of a change. */
const PATIENT = { timeout: 60_000 }

/** Time that stands still; what is planned for later is kept, to be run by hand. */
function stoppedClock() {
  const planned: { delayMs: number; run: () => void; cancelled: boolean }[] = []
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(delayMs, run) {
      const entry = { delayMs, run, cancelled: false }
      planned.push(entry)
      return { cancel: () => (entry.cancelled = true) }
    },
  }
  const due = () => planned.filter(entry => !entry.cancelled)
  return { clock, due, runNext: () => planned.splice(planned.indexOf(due()[0]!), 1)[0]!.run() }
}

function app(command: string, env: Record<string, string> = {}) {
  const lines: string[] = []
  const events: AppEvent[] = []
  const time = stoppedClock()
  const running = startApp({
    command,
    cwd: project(),
    env: { PATH: process.env.PATH, ...env },
    clock: time.clock,
    onLine: line => lines.push(line),
    onEvent: event => events.push(event),
  })
  onTestFinished(() => running.stop())
  return { running, lines, events, time }
}

it('hands over what the app writes, line by line, with the environment it was given', async () => {
  const { lines } = app('printf "a\\nb $PORT\\n" && printf c >&2', { PORT: '4711' })
  await vi.waitFor(() => expect([...lines].sort()).toEqual(['a', 'b 4711', 'c']), PATIENT)
})

it('starts an app that died again, later each time', async () => {
  const { events, time } = app('exit 3')
  for (const [index, restartInMs] of [500, 1000, 2000, 4000, 8000, 10_000, 10_000].entries()) {
    const ended = { kind: 'ended', how: 'exit code 3', inARow: index + 1, restartInMs }
    await vi.waitFor(() => expect(events.at(-1)).toEqual(ended), PATIENT)
    events.length = 0
    time.runNext()
  }
})

it('ends what the shell started, too', async () => {
  const server = `require('http').createServer((_, r) => r.end()).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  const { running, lines } = app(`"${process.execPath}" -e "${server}" & wait`)
  await vi.waitFor(() => expect(lines).toHaveLength(1), PATIENT)
  const url = `http://127.0.0.1:${lines[0]}/`
  expect((await fetch(url)).status).toBe(200)
  await running.stop()
  await expect(fetch(url)).rejects.toThrow()
})

it('does not start again what was stopped while it waited', async () => {
  const { running, events, time } = app('exit 1')
  await vi.waitFor(() => expect(events).toHaveLength(1), PATIENT)
  await running.stop()
  expect(time.due()).toEqual([])
})

it('restarts with another environment when asked', async () => {
  const { running, lines } = app('echo "url $URL"; exec sleep 60', { URL: 'a' })
  await vi.waitFor(() => expect(lines).toEqual(['url a']), PATIENT)
  await running.restart({ PATH: process.env.PATH, URL: 'b' })
  await vi.waitFor(() => expect(lines).toEqual(['url a', 'url b']), PATIENT)
})
