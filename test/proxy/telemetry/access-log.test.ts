import { describe, expect, test } from 'vitest'
import { AccessLog } from '../../../proxy/telemetry/access-log.ts'
import { createLog } from '../../../proxy/telemetry/log.ts'
import { Counter } from '../../../proxy/telemetry/metrics.ts'
import type { LineOutput } from '../../../proxy/telemetry/output.ts'

function heldOutput() {
  const lines: string[] = []
  const output: LineOutput & { pendingBytes: number } = {
    pendingBytes: 0,
    write: line => lines.push(line),
    flush: async () => {},
  }
  return { output, lines }
}

describe('AccessLog', () => {
  test('writes one JSON line with the time, without what is undefined', () => {
    const { output, lines } = heldOutput()
    new AccessLog(output, new Counter(), () => 42).write({ status: 200, reason: undefined, path: '/a"\n' })
    expect(lines).toEqual(['{"event":"access","time":42,"status":200,"path":"/a\\"\\n"}\n'])
  })

  test('drops and counts lines while the reader does not keep up, and goes on when it does', () => {
    const { output, lines } = heldOutput()
    const dropped = new Counter()
    const log = new AccessLog(output, dropped, () => 42)
    output.pendingBytes = 600_000
    log.write({ status: 200 })
    output.pendingBytes = 0
    log.write({ status: 201 })
    expect(lines).toHaveLength(1)
    expect(dropped.value).toBe(1)
  })
})

test('createLog writes the event, the level by name and the sentence', () => {
  const { output, lines } = heldOutput()
  const log = createLog(output, 'info')
  log.info({ event: 'listening', admin: 'a' }, 'listening')
  log.debug({ event: 'detail' }, 'not wanted')
  expect(lines.map(line => JSON.parse(line))).toEqual([
    { level: 'info', time: expect.any(Number), event: 'listening', admin: 'a', msg: 'listening' },
  ])
})
