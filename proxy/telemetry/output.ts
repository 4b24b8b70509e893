/** Where lines go: standard output, without ever making the proxy wait for whoever reads it. */
import { write } from 'node:fs'
import type { Clock } from '../../mesh/clock.ts'
import type { Counter } from './metrics.ts'

export interface LineOutput {
  /** Accepted and not yet out of the process. */
  readonly pendingBytes: number
  /** One whole line with its newline. */
  write(line: string): void
  /** Resolves when nothing is pending: all has left, or the reader is gone. */
  flush(): Promise<void>
}

/** What is held for a reader that does not keep up; more is dropped and counted. */
const MAX_PENDING_BYTES = 1024 * 1024
/** A pipe that was made non-blocking says "full" instead of making a thread wait. */
const FULL_RETRY_MS = 20

/** Lines to a file descriptor: one write at a time on the thread pool, everything since then in the next one. */
export function openOutput(fd: number, clock: Clock, dropped: Counter): LineOutput {
  return new DescriptorOutput(fd, clock, dropped)
}

class DescriptorOutput implements LineOutput {
  pendingBytes = 0
  private readonly fd: number
  private readonly clock: Clock
  private readonly dropped: Counter
  private waiting: Buffer[] = []
  private writing = false
  private whenEmpty: (() => void)[] = []

  constructor(fd: number, clock: Clock, dropped: Counter) {
    this.fd = fd
    this.clock = clock
    this.dropped = dropped
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.pendingBytes + bytes.length > MAX_PENDING_BYTES) {
      this.dropped.inc()
      return
    }
    this.pendingBytes += bytes.length
    this.waiting.push(bytes)
    if (!this.writing) this.next()
  }

  flush(): Promise<void> {
    return this.writing ? new Promise(resolve => this.whenEmpty.push(resolve)) : Promise.resolve()
  }

  private next(): void {
    if (this.waiting.length === 0) {
      this.writing = false
      for (const resolve of this.whenEmpty.splice(0)) resolve()
      return
    }
    const batch = this.waiting.length === 1 ? (this.waiting[0] as Buffer) : Buffer.concat(this.waiting)
    this.waiting = []
    this.writing = true
    this.send(batch)
  }

  private send(batch: Buffer): void {
    write(this.fd, batch, (error, written) => {
      if (error?.code === 'EAGAIN') {
        this.clock.after(FULL_RETRY_MS, () => this.send(batch))
        return
      }
      // Any other error: the reader is gone, and there is nobody left to tell.
      const sent = error === null ? written : batch.length
      this.pendingBytes -= sent
      if (sent < batch.length) this.send(batch.subarray(sent))
      else this.next()
    })
  }
}
