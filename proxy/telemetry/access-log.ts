/** One JSON line for each exchange and each connection, for as long as the snapshot wants it. */
import type { Counter } from './metrics.ts'
import type { LineOutput } from './output.ts'

export type AccessLogEntry = Readonly<Record<string, string | number | boolean | null | undefined>>

/**
 * Beyond this, lines are dropped and counted: a reader that does not keep up must not slow down requests, and the
 * proxy's own log, which shares the output, has to get through.
 */
const MAX_PENDING_BYTES = 512 * 1024

export class AccessLog {
  /** Set from the snapshot; who builds entries looks here first. */
  wanted = false
  private readonly output: LineOutput
  private readonly dropped: Counter
  private readonly now: () => number

  constructor(output: LineOutput, dropped: Counter, now: () => number) {
    this.output = output
    this.dropped = dropped
    this.now = now
  }

  /** Keys with `undefined` are left out. */
  write(entry: AccessLogEntry): void {
    if (this.output.pendingBytes > MAX_PENDING_BYTES) {
      this.dropped.inc()
      return
    }
    this.output.write(`${JSON.stringify({ event: 'access', time: this.now(), ...entry })}\n`)
  }
}
