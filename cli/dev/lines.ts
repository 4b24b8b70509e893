/** Longer lines are cut in pieces: an app that never writes a newline must not fill our memory. */
const MAX_LINE = 64 * 1024

/** Cuts a stream of text into lines; `flush` hands over what is left when it ends. */
export function lineSplitter(onLine: (line: string) => void): { push(text: string): void; flush(): void } {
  let rest = ''
  return {
    push(text) {
      const lines = (rest + text).split(/\r?\n/)
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
      while (rest.length > MAX_LINE) {
        onLine(rest.slice(0, MAX_LINE))
        rest = rest.slice(MAX_LINE)
      }
    },
    flush() {
      if (rest !== '') onLine(rest)
      rest = ''
    },
  }
}
