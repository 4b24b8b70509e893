/**
 * What processes used, as the kernel accounts for it: `/proc/<pid>/stat` (proc(5)). CPU time there covers all
 * threads of a process; children (nginx workers) are processes of their own and are added.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessStat {
  readonly pid: number
  readonly parentPid: number
  /** Clock ticks in user mode plus kernel mode, all threads. */
  readonly cpuTicks: number
  /** The same of children that have ended and were waited for, with theirs. */
  readonly endedChildrenTicks: number
  readonly residentPages: number
}

/** Linux reports ticks in USER_HZ, which is 100 on every architecture that Node runs on. */
export const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/**
 * Parses one line of `/proc/<pid>/stat`. The command name stands in parentheses and may hold spaces and
 * parentheses itself, so fields are counted from the last `)`. Throws on anything else.
 */
export function parseProcessStat(line: string): ProcessStat {
  const close = line.lastIndexOf(')')
  const open = line.indexOf('(')
  const fields = line.slice(close + 2).split(' ')
  if (open < 0 || close < open || fields.length < 22) {
    throw new Error(`expected a line of /proc/<pid>/stat, found "${line.slice(0, 80)}"`)
  }
  // Field numbers of proc(5) count from 1 with pid and comm; `state` (3) is fields[0] here.
  const field = (number: number) => Number(fields[number - 3])
  return {
    pid: Number(line.slice(0, open)),
    parentPid: field(4),
    cpuTicks: field(14) + field(15),
    endedChildrenTicks: field(16) + field(17),
    residentPages: field(24),
  }
}

/** The processes themselves and all their descendants. Pure: `all` is what /proc held at one moment. */
export function withDescendants(all: readonly ProcessStat[], rootPids: readonly number[]): ProcessStat[] {
  const wanted = new Set(rootPids)
  let found = 0
  while (found !== wanted.size) {
    found = wanted.size
    for (const stat of all) if (wanted.has(stat.parentPid)) wanted.add(stat.pid)
  }
  return all.filter(stat => wanted.has(stat.pid))
}

function readAllStats(): ProcessStat[] {
  const stats: ProcessStat[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      stats.push(parseProcessStat(readFileSync(`/proc/${entry}/stat`, 'utf8')))
    } catch {
      // The process ended between the listing and the reading.
    }
  }
  return stats
}

/** CPU seconds that these processes and their descendants have used so far. */
export function cpuSeconds(rootPids: readonly number[]): number {
  const stats = withDescendants(readAllStats(), rootPids)
  return stats.reduce((sum, stat) => sum + stat.cpuTicks, 0) / TICKS_PER_SECOND
}

/** Resident memory of these processes and their descendants together, in MiB. */
export function residentMiB(rootPids: readonly number[]): number {
  const stats = withDescendants(readAllStats(), rootPids)
  return (stats.reduce((sum, stat) => sum + stat.residentPages, 0) * PAGE_BYTES) / (1024 * 1024)
}

/** What the whole machine and what this run itself have used so far, in CPU seconds. */
export interface MachineTime {
  readonly all: number
  readonly own: number
}

/**
 * Ticks that all cores spent in processes, or that the host gave to others (steal), from the first line of
 * `/proc/stat`. Not those in interrupts: the kernel charges them to nobody, and much of it is our own traffic.
 */
export function parseBusyTicks(procStat: string): number {
  const line = procStat.slice(0, procStat.indexOf('\n'))
  const [name, ...fields] = line.split(/ +/)
  if (name !== 'cpu') throw new Error(`expected /proc/stat, found "${line.slice(0, 40)}"`)
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = fields.map(Number)
  return user + nice + system + steal
}

/** Of this process and everything that it has started, also what has ended. */
export function machineTime(): MachineTime {
  const all = parseBusyTicks(readFileSync('/proc/stat', 'utf8'))
  const family = withDescendants(readAllStats(), [process.pid])
  const own = family.reduce((sum, stat) => sum + stat.cpuTicks + stat.endedChildrenTicks, 0)
  return { all: all / TICKS_PER_SECOND, own: own / TICKS_PER_SECOND }
}
