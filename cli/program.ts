/** The command line: which commands there are, what they share, and how whatever happens becomes an exit code. */
import { Command, CommanderError } from 'commander'
import type { Clock } from '../mesh/clock.ts'
import { apply } from './apply.ts'
import { check } from './check.ts'
import { systemClock } from './clock.ts'
import { CommandError } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { dev } from './dev.ts'
import { EXIT_CODES, type ExitName } from './exit-code.ts'
import { explain } from './explain.ts'
import { init } from './init.ts'
import { status } from './status.ts'
import { openTerminal, type Terminal } from './terminal/terminal.ts'
import { validate } from './validate.ts'
import { ownVersion } from './version.ts'

const COMMANDS: readonly CommandFactory[] = [init, dev, validate, explain, apply, status, check]

/** Runs the command line and returns the exit code; never throws. */
export async function run(argv: readonly string[], host: NodeJS.Process): Promise<number> {
  // Read before anything is parsed, so that a wrong command line is answered in the form that was asked for.
  const terminal = openTerminal({
    json: argv.includes('--json'),
    verbose: argv.includes('--verbose'),
    stdout: host.stdout,
    stderr: host.stderr,
    clock: systemClock,
  })
  // Whatever nobody caught is a defect, and is said like one.
  host.on('uncaughtException', error => host.exit(EXIT_CODES[explainFailure(error, terminal)]))
  let exit: ExitName = 'ok'
  const context: Context = {
    terminal,
    cwd: host.cwd(),
    env: host.env,
    clock: systemClock,
    interrupted: interruption(host, systemClock),
    end: name => {
      exit = name
    },
  }
  try {
    await program(context).parseAsync(argv, { from: 'user' })
  } catch (error) {
    exit = explainFailure(error, terminal)
  }
  return EXIT_CODES[exit]
}

/** A wrapper may pass on the very Ctrl-C that the terminal sent to us as well. */
const ECHO_MS = 500
/** What shells report for a program that Ctrl-C has ended. */
const KILLED_BY_INTERRUPT = 130

function interruption(host: NodeJS.Process, clock: Clock): () => AbortSignal {
  let controller: AbortController | undefined
  let atMs = Number.POSITIVE_INFINITY
  const onSignal = (signal: string) => {
    if (clock.monotonic() - atMs > ECHO_MS) host.exit(KILLED_BY_INTERRUPT)
    atMs = Math.min(atMs, clock.monotonic())
    controller?.abort(signal)
  }
  return () => {
    if (controller === undefined) {
      controller = new AbortController()
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) host.on(signal, onSignal)
    }
    return controller.signal
  }
}

function program(context: Context): Command {
  const top = new Command('selvage')
    .description('A service mesh that you define in TypeScript.')
    .version(ownVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', '\nExit codes: docs/reference/exit-codes.md')
  for (const factory of COMMANDS) {
    const command = factory(context).copyInheritedSettings(top)
    command.option('--json', 'print the result as one JSON value on stdout')
    command.option('--verbose', 'show stack traces of errors')
    top.addCommand(command)
  }
  return top
}

/** Says what went wrong, in the form that was asked for, and how the process has to end. */
function explainFailure(error: unknown, terminal: Terminal): ExitName {
  if (error instanceof CommanderError && error.exitCode === 0) return 'ok'
  const failure = toCommandError(error)
  const { noteStyle: style } = terminal
  const { exit, message, hint, data } = failure
  if (terminal.json && !terminal.reported) {
    const said = { ok: false, error: { exit, message, ...(hint === undefined ? {} : { hint }), ...data } }
    terminal.report(said, () => '')
  } else {
    terminal.note(`${style('red', 'error:')} ${message}`)
    if (hint !== undefined) terminal.note(style('dim', hint))
  }
  if (terminal.verbose) terminal.note(traceOf(failure))
  return exit
}

function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  if (error instanceof CommanderError) {
    const said = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
    const message = error.code === 'commander.help' ? 'no command given' : said
    return new CommandError('usage', message, { hint: 'See "npx selvage --help".', cause: error })
  }
  return new CommandError(
    'internal',
    `a defect of selvage itself: ${error instanceof Error ? error.message : error}`,
    {
      hint: 'Run it again with --verbose and report what it prints.',
      cause: error,
    },
  )
}

function traceOf(failure: CommandError): string {
  const { cause } = failure
  if (typeof cause === 'string') return cause
  return (cause instanceof Error ? cause.stack : undefined) ?? failure.stack ?? ''
}
