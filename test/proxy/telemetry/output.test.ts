import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import { openOutput } from '../../../proxy/telemetry/output.ts'
import { tempFolder } from '../../support/temp-folder.ts'

test('openOutput writes whole lines in order and counts what is pending', async () => {
  const file = join(tempFolder(), 'out')
  const fd = openSync(file, 'w')
  const output = openOutput(fd, systemClock, new Counter())
  output.write('one\n')
  output.write('zwö\n')
  expect(output.pendingBytes).toBe(9)
  await output.flush()
  expect(readFileSync(file, 'utf8')).toBe('one\nzwö\n')
  expect(output.pendingBytes).toBe(0)
  closeSync(fd)
})

const FLOOD = `
import { openOutput } from ${JSON.stringify(new URL('../../../proxy/telemetry/output.ts', import.meta.url).href)}
const dropped = { value: 0, inc() { this.value++ } }
const output = openOutput(1, undefined, dropped)
const line = 'x'.repeat(1023) + '\\n'
for (let i = 0; i < 4096; i++) output.write(line)
process.stderr.write(JSON.stringify({ dropped: dropped.value, pending: output.pendingBytes }))
`

test('openOutput drops and counts lines beyond its bound, and does not wait, when nobody reads', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', FLOOD], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [report] = (await once(child.stderr, 'data')) as [Buffer]
  const { dropped, pending } = JSON.parse(report.toString()) as { dropped: number; pending: number }
  child.kill('SIGKILL')
  expect(dropped).toBeGreaterThan(2048)
  expect(pending).toBeLessThanOrEqual(1024 * 1024)
})
