/** The command line of the bench. */
import { Command, InvalidArgumentError } from 'commander'
import { WORKS, type Work } from './works.ts'

export interface Options {
  readonly works: readonly Work[]
  readonly json: boolean
  readonly seconds: number
  readonly rounds: number
  readonly profile: boolean
  /** Puts the tables into docs/performance.md. */
  readonly write: boolean
}

const MAX_SECONDS = 60
const MAX_ROUNDS = 50

const wholeNumber = (highest: number) => (text: string) => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= highest) return value
  throw new InvalidArgumentError(`expected a whole number from 1 to ${highest}, found "${text}".`)
}

function addWork(name: string, chosen: readonly Work[]): Work[] {
  const work = WORKS.find(one => one.name === name)
  if (work !== undefined) return [...chosen, work]
  throw new InvalidArgumentError(`found "${name}", expected one of ${WORKS.map(one => one.name).join(', ')}.`)
}

/** Reads `argv` (without node and script). Prints help or an error and exits where there is one to print. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description('Measures Selvage beside the proxies found on this machine: CPU per request, interleaved.')
    .option('--only <work>', 'measure this work only; may be repeated', addWork, [])
    .option('--json', 'print rows as JSON on stdout, and nothing else there', false)
    .option('--seconds <n>', 'length of one measurement', wholeNumber(MAX_SECONDS), 3)
    .option('--rounds <n>', 'measurements of each subject', wholeNumber(MAX_ROUNDS), 5)
    .option('--profile', 'also profile the Selvage sidecars and print where their time goes', false)
    .option('--write', 'put the tables into docs/performance.md', false)
    .addHelpText('after', `\nWorks:\n${WORKS.map(one => `  ${one.name.padEnd(16)}${one.about}`).join('\n')}`)
    .parse(argv as string[], { from: 'user' })
  const { only, ...rest } = command.opts<{ only: Work[] } & Omit<Options, 'works'>>()
  return { ...rest, works: only.length > 0 ? [...new Set(only)] : WORKS }
}
