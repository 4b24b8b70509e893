import type { Command } from 'commander'
import type { Clock } from '../mesh/clock.ts'
import type { ExitName } from './exit-code.ts'
import type { Terminal } from './terminal/terminal.ts'

/** What every command is given: everything outside of it that it may touch. */
export interface Context {
  readonly terminal: Terminal
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /**
   * From the first call on, Ctrl-C and SIGTERM abort this signal instead of ending the process: for commands that
   * have something to put away. A second Ctrl-C ends it at once.
   */
  interrupted(): AbortSignal
  /** How the command ends when it has reported its result itself; otherwise it ends with 0, or by throwing. */
  end(exit: ExitName): void
}

/** One command: its arguments and options for commander, and what it does with them. */
export type CommandFactory = (context: Context) => Command
