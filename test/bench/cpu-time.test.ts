import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  cpuSeconds,
  machineTime,
  parseBusyTicks,
  parseProcessStat,
  residentMiB,
  withDescendants,
} from '../../bench/cpu-time.ts'

// Of a running nginx worker; fields as in proc(5).
const line =
  '4242 (nginx) S 4200 4200 17 0 -1 4194624 1874 0 3 0 1234 567 8 9 20 0 1 0 103522 60264448 2500 ' +
  '18446744073709551615 94 95 140 0 0 0 0 1073746048 402745863 1 0 0 17 1 0 0 0 0 0 96 97 98 141 142 143 144 0\n'

describe('parseProcessStat', () => {
  test('reads pid, parent, user plus kernel time of all threads, and resident pages', () => {
    expect(parseProcessStat(line)).toEqual({
      pid: 4242,
      parentPid: 4200,
      cpuTicks: 1801,
      endedChildrenTicks: 17,
      residentPages: 2500,
    })
  })

  test('is not confused by a command with spaces and parentheses', () => {
    const odd = line.replace('(nginx)', '(a) S 1 (b c) d)')
    expect(parseProcessStat(odd)).toEqual(parseProcessStat(line))
  })

  test('leaves the time of dead children out (cutime, cstime)', () => {
    expect(parseProcessStat(line.replace(' 8 9 20 ', ' 800000 900000 20 ')).cpuTicks).toBe(1801)
  })

  test('refuses what is not such a line', () => {
    expect(() => parseProcessStat('Name:\tnginx')).toThrow(/expected a line of \/proc/)
    expect(() => parseProcessStat('1 (x) S 0')).toThrow(/expected a line of \/proc/)
  })
})

test('finds children and their children, whatever the order in /proc', () => {
  const process = (pid: number, parentPid: number) => ({
    pid,
    parentPid,
    cpuTicks: 1,
    endedChildrenTicks: 0,
    residentPages: 1,
  })
  const all = [process(40, 30), process(30, 20), process(99, 1), process(20, 10), process(10, 1)]
  expect(withDescendants(all, [20]).map(({ pid }) => pid)).toEqual([40, 30, 20])
})

test('counts what processes of the whole machine use, and what the host stole; neither idling nor interrupts', () => {
  const procStat = 'cpu  100 20 3 40000 5000 6 700 8000 90000 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n'
  expect(parseBusyTicks(procStat)).toBe(100 + 20 + 3 + 8000)
  expect(() => parseBusyTicks('intr 1 2 3\n')).toThrow(/expected \/proc\/stat/)
})

describe.skipIf(!isLinux())('on Linux', () => {
  test('counts what this process uses', () => {
    const before = cpuSeconds([process.pid])
    while (process.cpuUsage().user + process.cpuUsage().system < (before + 0.05) * 1e6) Math.sqrt(2)
    expect(cpuSeconds([process.pid])).toBeGreaterThan(before)
    expect(residentMiB([process.pid])).toBeGreaterThan(1)
    const { all, own } = machineTime()
    expect(own).toBeGreaterThan(0)
    expect(all).toBeGreaterThan(own)
  })
})

function isLinux(): boolean {
  try {
    return readFileSync('/proc/self/stat').length > 0
  } catch {
    return false
  }
}
