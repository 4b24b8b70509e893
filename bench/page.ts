/** Puts the tables of a run into docs/performance.md, between two marks, with the day and the machine. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, type } from 'node:os'
import { join } from 'node:path'
import { wallMs } from './clock.ts'
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'

const PAGE = join(import.meta.dirname, '../docs/performance.md')
const BEGIN = '<!-- tables: written by npm run bench -- --write -->'
const END = '<!-- end of tables -->'

/** Replaces what stands between the marks. Throws when the page has lost them. */
export function replaceTables(page: string, text: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`expected "${BEGIN}" and "${END}" in docs/performance.md`)
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`
}

export function writeTables(tables: readonly string[], machine: Machine, options: Options): void {
  const day = new Date(wallMs()).toISOString().slice(0, 10)
  const load = machine.found.wrk === undefined ? "the bench's own load generator" : 'wrk'
  const heading =
    `Measured on ${day}: ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${type()} ${release()}, ` +
    `Node ${process.version}, load from ${load}; ${options.rounds} rounds of ${options.seconds} s.`
  writeFileSync(PAGE, replaceTables(readFileSync(PAGE, 'utf8'), [heading, ...tables].join('\n\n')))
}
