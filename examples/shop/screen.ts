/** Where the demo shows itself: a picture that redraws on a terminal, a sober log anywhere else. */
import { draw, secondLine, type View } from './view.ts'

export interface Screen {
  /** The picture has changed. */
  draw(view: View): void
  /** Another second is over. */
  second(view: View): void
  /** Something happened that a reader of the log should know. */
  note(view: View, text: string): void
  /** Leaves the terminal as it was; the last picture stays. Idempotent. */
  close(): void
}

/** What is asked of the stream. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const ALTERNATE_ON = '\x1b[?1049h\x1b[?25l'
const ALTERNATE_OFF = '\x1b[?25h\x1b[?1049l'
const HOME = '\x1b[H'
const CLEAR_LINE = '\x1b[2K'
const CLEAR_BELOW = '\x1b[J'
const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

export const screenOn = (terminal: Terminal): Screen =>
  terminal.isTTY === true ? livePicture(terminal) : lineLog(terminal)

function livePicture(terminal: Terminal): Screen {
  let last: readonly string[] = []
  let open = false
  return {
    draw(view) {
      if (!open) terminal.write(ALTERNATE_ON)
      open = true
      const { columns = DEFAULT_COLUMNS, rows = DEFAULT_ROWS } = terminal
      const lines = draw(view, columns, rows)
      // A line break after the last row would scroll the first one away.
      const below = lines.length < rows ? `\n${CLEAR_BELOW}` : ''
      terminal.write(HOME + lines.map(line => CLEAR_LINE + line).join('\n') + below)
      last = draw(view, columns, Number.POSITIVE_INFINITY)
    },
    second() {},
    note() {},
    close() {
      if (!open) return
      open = false
      terminal.write(`${ALTERNATE_OFF}${last.join('\n')}\n`)
    },
  }
}

function lineLog(terminal: Terminal): Screen {
  const line = (view: View, text: string) =>
    terminal.write(`[${String(Math.floor(view.elapsedMs / 1000)).padStart(3)} s] ${text}\n`)
  return {
    draw() {},
    second: view => line(view, secondLine(view)),
    note: line,
    close() {},
  }
}
