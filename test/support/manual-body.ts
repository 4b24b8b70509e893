import type { BodySink, BodySource } from '../../proxy/body.ts'
import type { Failure } from '../../proxy/failure.ts'
import type { HeaderBlock } from '../../proxy/header-block.ts'

/** A body that a test writes by hand. What it writes while the sink wants a pause is kept until `resume`. */
export class ManualBody implements BodySource {
  readonly length: number | undefined
  sink: BodySink | undefined = undefined
  cancelledBy: Failure | undefined = undefined
  isPaused = false
  isOver = false
  private readonly waiting: (() => void)[] = []

  constructor(length?: number) {
    this.length = length
  }

  pipe(sink: BodySink): void {
    this.sink = sink
    this.resume()
  }

  resume(): void {
    this.isPaused = false
    while (!this.isPaused && this.waiting.length > 0) this.waiting.shift()!()
  }

  cancel(failure: Failure): void {
    if (this.isOver) return
    this.cancelledBy ??= failure
  }

  write(text: string | Buffer): this {
    const chunk = typeof text === 'string' ? Buffer.from(text, 'latin1') : Buffer.from(text)
    return this.soon(() => {
      if (!this.sink!.write(chunk)) this.isPaused = true
      // Valid during the call only.
      chunk.fill(0xdd)
    })
  }

  end(trailers?: HeaderBlock): this {
    return this.soon(() => {
      this.isOver = true
      this.sink!.end(trailers)
    })
  }

  reset(failure: Failure): void {
    if (this.cancelledBy !== undefined || this.isOver) return
    this.isOver = true
    this.sink?.reset(failure)
  }

  private soon(step: () => void): this {
    const guarded = () => {
      if (this.cancelledBy === undefined) step()
    }
    if (this.sink !== undefined && !this.isPaused && this.waiting.length === 0) guarded()
    else this.waiting.push(guarded)
    return this
  }
}
