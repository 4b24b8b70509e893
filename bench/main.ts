/** `npm run bench`: measures Selvage beside the proxies that this machine has. See docs/performance.md. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { killAllChildren } from './children.ts'
import { inspectMachine, type Machine, machineRemarks } from './machine.ts'
import { type Options, readOptions } from './options.ts'
import { writeTables } from './page.ts'
import { markdownTable, terminalTable } from './print.ts'
import { profileReport } from './profile.ts'
import type { Row } from './row.ts'
import { longestRunMs, runWorks } from './run.ts'
import { selvageSubject } from './subject/selvage.ts'
import { peerSubjects } from './subject/subjects.ts'

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

function giveUp(message: string, exitCode: number): never {
  killAllChildren()
  say(message)
  process.exit(exitCode)
}

/** Where profiles go; made when asked for, and left for the tools that open them. */
function profileDirectory(options: Options): string | undefined {
  if (!options.profile) return undefined
  const directory = join(import.meta.dirname, '../.selvage/profile')
  mkdirSync(directory, { recursive: true })
  return directory
}

async function bench(options: Options, machine: Machine): Promise<readonly Row[]> {
  const profiles = profileDirectory(options)
  const tables: string[] = []
  const ours = selvageSubject(profiles)
  const rows = await runWorks({
    works: options.works,
    pace: { rounds: options.rounds, seconds: options.seconds, say },
    machine,
    subjects: topology => [ours, ...peerSubjects(machine, topology)],
    onRows: (work, found) => {
      tables.push(markdownTable(work, found))
      if (!options.json) process.stdout.write(`\n${terminalTable(work, found)}\n`)
    },
  })
  if (profiles !== undefined) say(profileReport(profiles))
  if (options.write) writeTables(tables, machine, options)
  return rows
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => giveUp(`bench: stopped by ${signal}`, 130))
}

const options = readOptions(process.argv.slice(2))
try {
  const machine = inspectMachine()
  for (const remark of machineRemarks(machine)) say(remark)
  const limitMs = longestRunMs(options.works, options)
  setTimeout(() => giveUp(`bench: not finished after ${limitMs / 1000} s`, 1), limitMs).unref()
  const rows = await bench(options, machine)
  if (options.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`)
  process.exitCode = rows.some(row => row.voidBecause !== undefined) ? 1 : 0
} catch (error) {
  giveUp(`bench: ${error instanceof Error ? error.message : String(error)}`, 1)
}
