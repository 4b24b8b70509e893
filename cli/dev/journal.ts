import type { Format, Terminal } from '../terminal/terminal.ts'

/** Lines of everybody who runs under `dev`, each with its name in front. */
export interface Journal {
  /** A writer of lines for one speaker; `subject` tells its sidecar from its app. */
  speaker(name: string): (line: string) => void
  /** Of `dev` itself. */
  say(line: string): void
}

const COLOURS: readonly Format[] = ['cyan', 'green', 'yellow', 'bold']

export function openJournal(terminal: Terminal): Journal {
  let width = 0
  const speakers = new Map<string, Format>()
  // With --json stdout is for the one value that says where everything is.
  const write = (line: string) => (terminal.json ? terminal.note(line) : terminal.line(line))
  const speaker = (name: string) => {
    width = Math.max(width, name.length)
    const colour = speakers.get(name) ?? COLOURS[speakers.size % COLOURS.length]!
    speakers.set(name, colour)
    return (line: string) =>
      write(`${terminal.style(colour, name.padEnd(width))} ${terminal.style('dim', '|')} ${line}`)
  }
  return { speaker, say: speaker('selvage') }
}
