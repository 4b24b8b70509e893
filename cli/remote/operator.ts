import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { OPERATOR_FILE, type OperatorFile, operatorFileSchema } from '../../mesh/protocol.ts'
import { CommandError, reasonOf } from '../command-error.ts'
import { STATE_FOLDER } from '../state.ts'
import { tryJson } from './https.ts'

/** Where a control plane is and what proves that we may talk to it. */
export interface Access {
  readonly url: URL
  readonly token: string
  /** Undefined: the machine's own trusted roots decide. */
  readonly caSha256: string | undefined
  /** Known from `operator.json`; otherwise the document or `--mesh` names it. */
  readonly mesh: string | undefined
}

export interface AccessOptions {
  readonly control?: string
  readonly tokenFile?: string
  readonly caSha256?: string
  readonly mesh?: string
  readonly stateDir?: string
}

/** Adds the options that say which control plane is meant. */
export const withAccessOptions = (command: Command): Command =>
  command
    .option('--control <url>', 'the control plane (default: the one that "selvage dev" runs here)')
    .option('--token-file <file>', 'file that holds the token, with --control')
    .option('--ca-sha256 <hex>', "SHA-256 of the control plane's authority, with --control")
    .option('--mesh <name>', 'name of the mesh, with --control')
    .option('--state-dir <dir>', 'folder that holds operator.json', STATE_FOLDER)

/** Throws a `CommandError` that says which option or file is wrong; never quotes the token. */
export function readAccess(options: AccessOptions, cwd: string): Access {
  return options.control === undefined
    ? fromStateDir(options, cwd)
    : fromOptions(options.control, options, cwd)
}

function fromOptions(control: string, options: AccessOptions, cwd: string): Access {
  const url = URL.parse(control)
  if (url?.protocol !== 'https:') {
    throw new CommandError(
      'usage',
      `--control: expected a URL such as https://127.0.0.1:15010, found "${control}"`,
    )
  }
  if (options.tokenFile === undefined) {
    throw new CommandError(
      'usage',
      '--control needs --token-file: a file that holds the token of an operator or publisher',
    )
  }
  if (options.caSha256 !== undefined && !/^[0-9a-f]{64}$/i.test(options.caSha256)) {
    throw new CommandError(
      'usage',
      `--ca-sha256: expected 64 hexadecimal digits, found "${options.caSha256}"`,
    )
  }
  const token = readToken(options.tokenFile, cwd)
  return { url, token, caSha256: options.caSha256, mesh: options.mesh }
}

function readToken(name: string, cwd: string): string {
  const token = readNeeded(resolve(cwd, name), `--token-file ${name}`, undefined).trim()
  if (token === '') throw new CommandError('missing', `--token-file ${name}: the file is empty`)
  return token
}

function fromStateDir(options: AccessOptions, cwd: string): Access {
  const name = join(options.stateDir ?? STATE_FOLDER, OPERATOR_FILE)
  const text = readNeeded(
    resolve(cwd, name),
    name,
    'Start "npx selvage dev" in this folder, or name a control plane with --control and --token-file.',
  )
  const parsed = operatorFileSchema.safeParse(tryJson(text))
  if (!parsed.success) {
    throw new CommandError('wrong', `${name} is damaged: expected what "selvage dev" writes there`, {
      hint: 'Stop "selvage dev", remove the file, and start it again.',
    })
  }
  return accessOf(parsed.data)
}

const accessOf = ({ url, token, caSha256, mesh }: OperatorFile): Access => ({
  url: new URL(url),
  token,
  caSha256,
  mesh,
})

function readNeeded(file: string, name: string, hint: string | undefined): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError('missing', `cannot read ${name}: ${reasonOf(error)}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    })
  }
}
