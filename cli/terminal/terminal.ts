/**
 * What a command says, and where: results on stdout, everything else on stderr. With `--json` stdout carries
 * exactly one JSON value, and people's words stay on stderr.
 */
import { stripVTControlCharacters, styleText } from 'node:util'
import type { Clock } from '../../mesh/clock.ts'
import { type Progress, progressOn } from './progress.ts'

export type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Style = (format: Format, text: string) => string

export interface Terminal {
  readonly json: boolean
  readonly verbose: boolean
  /** Colours text for stdout: on a terminal only, and not under NO_COLOR. */
  readonly style: Style
  /** The same for stderr. */
  readonly noteStyle: Style
  /**
   * The command's result, once: `value` as JSON with `--json`, otherwise `text()` for people.
   * Throws when a command reports twice, because then stdout would not be one JSON value.
   */
  report(value: unknown, text: (style: Style) => string): void
  /** There is a result already. */
  readonly reported: boolean
  /** A line for people on stderr. */
  note(text: string): void
  /** A line for people on stdout; nothing with `--json`. */
  line(text: string): void
  /** Says on stderr what is going on, if it takes long enough for somebody to wonder. */
  progress(label: string): Progress
}

export interface TerminalOptions {
  readonly json: boolean
  readonly verbose: boolean
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly clock: Clock
}

const styleFor =
  (stream: NodeJS.WriteStream): Style =>
  (format, text) =>
    styleText(format, text, { stream, validateStream: true })

export function openTerminal(options: TerminalOptions): Terminal {
  const { json, verbose, stdout, stderr } = options
  const style = styleFor(stdout)
  let reported = false
  return {
    json,
    verbose,
    style,
    noteStyle: styleFor(stderr),
    get reported() {
      return reported
    },
    report(value, text) {
      if (reported) throw new Error('a command reported its result twice')
      reported = true
      stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : withNewline(text(style)))
    },
    note: text => void stderr.write(withNewline(text)),
    line: text => {
      if (!json) stdout.write(withNewline(text))
    },
    progress: label => progressOn(stderr, options.clock, label),
  }
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

/** Columns of text, aligned by what is visible. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell))
    })
  }
  const padded = (cell: string, column: number) => cell + ' '.repeat(widths[column]! - visibleLength(cell))
  return rows.map(row => indent + row.map(padded).join('  ').trimEnd()).join('\n')
}

const visibleLength = (text: string): number => stripVTControlCharacters(text).length

/** `1 warning`, `3 warnings`. */
export const count = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number} ${number === 1 ? noun : plural}`
