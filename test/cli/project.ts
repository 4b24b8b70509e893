import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { tempFolder } from '../support/temp-folder.ts'

const COMMAND = join(import.meta.dirname, '../../bin/selvage.js')

/** A folder with these files, gone when the test is over. */
export function project(files: Readonly<Record<string, string>> = {}): string {
  const folder = tempFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

export interface StartOptions {
  /** Whom it runs as. @default whom the tests run as */
  readonly uid?: number
  readonly gid?: number
  /** @default the one of this repository */
  readonly command?: string
  /** @default the one that runs the tests */
  readonly node?: string
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  /** All that was written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<Ended>
}

/** Starts the real command; a test that ends while it runs takes it along. */
export function start(cwd: string, args: readonly string[], options: StartOptions = {}): Running {
  const { command = COMMAND, node = process.execPath, ...user } = options
  const child = spawn(node, [command, ...args], { cwd, ...user })
  const text = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', chunk => (text.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', chunk => (text.stderr += chunk))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('close', code => resolve({ code, ...text }))
    child.once('error', reject)
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, ended }
}

/** What a command that has nothing to complain of may say on stderr: that something takes its time, when it does. */
export const NOTHING_BUT_PROGRESS = /^(\S.* \.\.\.\n)*$/

/** Runs the real command to its end. */
export const selvage = (cwd: string, ...args: string[]): Promise<Ended> => start(cwd, args).ended

/** Runs it with `--json` and parses what it wrote: throws unless stdout is one JSON value. */
export async function selvageJson(cwd: string, ...args: string[]) {
  const ended = await selvage(cwd, ...args, '--json')
  return { ...ended, json: JSON.parse(ended.stdout) }
}

/** A port that nobody uses at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
