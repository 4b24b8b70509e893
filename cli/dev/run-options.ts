import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CommandError } from '../command-error.ts'

/** What the person wants to run beside the sidecars, by workload name. */
export interface RunOptions {
  readonly commands: ReadonlyMap<string, string>
  readonly endpoints: ReadonlyMap<string, number>
}

/** More on one laptop is a slip of the pen. */
const MAX_ENDPOINTS = 50

/** `--run 'payments/v1=node pay.js'`, repeatable; wins over `selvage.run` of the package.json. */
export function readRunOptions(
  run: readonly string[],
  endpoints: readonly string[],
  manifest: Readonly<Record<string, string>>,
): RunOptions {
  const commands = new Map(Object.entries(manifest))
  for (const [workload, command] of pairs(run, '--run', 'web=node web.js')) commands.set(workload, command)
  const counts = pairs(endpoints, '--endpoints', 'payments/v1=2').map(
    ([workload, text]): [string, number] => [workload, endpointCount(workload, text)],
  )
  return { commands, endpoints: new Map(counts) }
}

function pairs(given: readonly string[], option: string, example: string): [string, string][] {
  return given.map(text => {
    const at = text.indexOf('=')
    const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()]
    if (at > 0 && name !== '' && value !== '') return [name, value]
    throw new CommandError(
      'usage',
      `${option}: expected <workload>=<value> such as '${example}', found '${text}'`,
    )
  })
}

function endpointCount(workload: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= MAX_ENDPOINTS) return number
  throw new CommandError(
    'usage',
    `--endpoints ${workload}: expected a whole number from 1 to ${MAX_ENDPOINTS}, found "${text}"`,
  )
}

/** Every workload that an option names has to be one of the document's. */
export function assertWorkloads(options: RunOptions, workloads: readonly string[]): void {
  for (const [option, names] of [
    ['--run', options.commands.keys()],
    ['--endpoints', options.endpoints.keys()],
  ] as const) {
    const unknown = [...names].find(name => !workloads.includes(name))
    if (unknown === undefined) continue
    throw new CommandError(
      'usage',
      `${option} (or "selvage.run" in package.json) names the workload "${unknown}", which the document does not have`,
      {
        hint: `Its workloads: ${workloads.join(', ')}.`,
      },
    )
  }
}

/** `"selvage": { "run": { "<workload>": "<command>" } }` of the package.json nearest to the document. */
export function manifestCommands(folder: string): {
  readonly commands: Readonly<Record<string, string>>
  readonly folder: string
} {
  for (let at = folder; ; at = dirname(at)) {
    const text = readIfThere(join(at, 'package.json'))
    if (text !== undefined) return { commands: commandsIn(text, join(at, 'package.json')), folder: at }
    if (at === dirname(at)) return { commands: {}, folder }
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function commandsIn(text: string, file: string): Readonly<Record<string, string>> {
  let run: unknown
  try {
    run = JSON.parse(text)?.selvage?.run
  } catch (error) {
    throw new CommandError('wrong', `${file} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (run === undefined) return {}
  if (!isCommands(run)) {
    throw new CommandError(
      'wrong',
      `${file}: expected "selvage.run" to be an object of commands by workload, found ${JSON.stringify(run)}`,
    )
  }
  return run
}

const isCommands = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(command => typeof command === 'string')
