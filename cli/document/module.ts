import { fork } from 'node:child_process'
import { dirname, extname, join, relative } from 'node:path'
import { systemClock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import type { Evaluation } from './evaluate.ts'
import type { LoadedDocument } from './load.ts'

/** A module that waits for something that never comes must not hang the command. */
const TIMEOUT_MS = 30_000

/** Built files end in `.js`; in the repository Node runs the source as it is. */
const program = join(import.meta.dirname, `evaluate${extname(import.meta.filename)}`)

/**
 * Runs a module and takes its default export. In a process of its own, because a module once imported stays in
 * memory with all that it imports (a reload would show the old text), and because whatever the author's code does
 * to its process it does not do to the mesh.
 */
export async function evaluateModule(file: string, name: string): Promise<LoadedDocument> {
  const evaluation = await evaluate(file, name)
  if (evaluation.ok === false) throw describe(evaluation, file, name)
  if (evaluation.ok === 'invalid') {
    const { violations, files } = evaluation
    return { file, name, value: undefined, violations, positionOf: () => undefined, files }
  }
  const value: unknown = JSON.parse(evaluation.json)
  return { file, name, value, positionOf: () => undefined, files: evaluation.files }
}

function evaluate(file: string, name: string): Promise<Evaluation> {
  return new Promise((resolve, reject) => {
    // What the module prints goes to stderr: stdout belongs to the command's result.
    const child = fork(program, [file], {
      stdio: ['ignore', 2, 2, 'ipc'],
      execArgv: ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'],
    })
    const timer = systemClock.after(TIMEOUT_MS, () => {
      child.kill('SIGKILL')
      reject(
        new CommandError(
          'wrong',
          `${name} was still running after ${TIMEOUT_MS / 1000} s; a mesh document must not wait for anything`,
        ),
      )
    })
    child.once('message', message => resolve(message as Evaluation))
    child.once('error', error => reject(new CommandError('internal', `cannot run ${name}: ${error.message}`)))
    child.once('exit', (code, signal) => {
      timer.cancel()
      reject(
        new CommandError(
          'wrong',
          `${name} ended its process (${signal ?? `exit code ${code}`}) before it gave a document`,
        ),
      )
    })
  })
}

type FailedEvaluation = Extract<Evaluation, { ok: false }>

function describe(failure: FailedEvaluation, file: string, name: string): CommandError {
  const place = placeOf(failure, file, name)
  const details = {
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    data: { file: name, ...(failure.line === undefined ? {} : { line: failure.line }) },
    cause: failure.stack,
  }
  return new CommandError('wrong', `${place}: ${failure.message}`, details)
}

function placeOf(failure: FailedEvaluation, file: string, name: string): string {
  const where =
    failure.file === undefined || failure.file === file
      ? name
      : join(dirname(name), relative(dirname(file), failure.file))
  return failure.line === undefined ? where : `${where}:${failure.line}`
}
