import type { ExitName } from './exit-code.ts'

export interface CommandErrorDetails {
  /** What to do about it: a sentence of its own. */
  readonly hint?: string
  /** What `--json` carries beside the message, for programs that read it. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** An error for the person at the keyboard: one sentence that says what, where, what was found and expected. */
export class CommandError extends Error {
  readonly exit: ExitName
  readonly hint: string | undefined
  readonly data: Readonly<Record<string, unknown>>

  constructor(exit: ExitName, message: string, details: CommandErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'CommandError'
    this.exit = exit
    this.hint = details.hint
    this.data = details.data ?? {}
  }
}

/** The reason of a failed system call in words: `ENOENT` says nothing to most people. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  const known = code === undefined ? undefined : REASONS[code]
  if (known !== undefined) return known
  return error instanceof Error ? error.message : String(error)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not (permission denied)',
  EPERM: 'this user may not (operation not permitted)',
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ECONNRESET: 'the connection was closed by the other side',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'the host name is unknown',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EMFILE: 'too many open files',
}
