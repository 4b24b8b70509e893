/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): text in, events out. */

export interface ServerSentEvent {
  readonly event: string
  readonly data: string
}

/** No event of the control API comes near this; a stream without line ends must not grow. */
const MAX_EVENT_CHARS = 1024 * 1024

export class EventStreamParser {
  private rest = ''
  private event = ''
  private data: string[] = []
  private readonly emit: (event: ServerSentEvent) => void

  constructor(emit: (event: ServerSentEvent) => void) {
    this.emit = emit
  }

  /** Throws an `Error` when one event gets out of hand. */
  push(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/)
    this.rest = lines.pop() ?? ''
    for (const line of lines) this.line(line)
    const held = this.data.reduce((sum, { length }) => sum + length, this.rest.length)
    if (held > MAX_EVENT_CHARS) throw new Error(`an event is longer than ${MAX_EVENT_CHARS} characters`)
  }

  private line(line: string): void {
    if (line === '') {
      if (this.data.length > 0) this.emit({ event: this.event || 'message', data: this.data.join('\n') })
      this.event = ''
      this.data = []
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    if (field === 'data') this.data.push(value)
  }
}
