import type { BodySink, BodySource } from '../../proxy/body.ts'
import { Failure } from '../../proxy/failure.ts'
import { HeaderBlock } from '../../proxy/header-block.ts'
import type { BodyScript } from '../proxy/body.contract.ts'

/** A source that gives what a script says: some pieces at once, some turns later, as `seed` has it. */
export class ScriptedBody implements BodySource {
  readonly length: number | undefined
  state: 'unread' | 'flowing' | 'over' | 'cancelled' = 'unread'
  /** A script that breaks waits for this: a message that breaks before its head is out does not arrive at all. */
  mayBreak = true
  /** Calls that the contract does not allow. */
  readonly breaches: string[] = []
  private readonly script: BodyScript
  private sink: BodySink | undefined
  private next = 0
  private paused = false
  private scheduled = false
  private seed: number

  constructor(script: BodyScript, knowsLength: boolean, seed = 1) {
    this.script = script
    this.seed = seed
    this.length = knowsLength ? script.pieces.reduce((sum, piece) => sum + piece.length, 0) : undefined
  }

  pipe(sink: BodySink): void {
    if (this.state === 'cancelled') return
    if (this.sink !== undefined) this.breaches.push('piped twice')
    this.sink = sink
    this.state = 'flowing'
    this.run()
  }

  resume(): void {
    this.paused = false
    this.schedule()
  }

  cancel(): void {
    if (this.state !== 'over') this.state = 'cancelled'
  }

  private schedule(): void {
    if (this.scheduled || this.state !== 'flowing') return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.run()
    })
  }

  private run(): void {
    while (this.state === 'flowing' && !this.paused) {
      if (this.next === this.script.pieces.length) {
        if (this.script.breaks && !this.mayBreak) this.schedule()
        else this.finish(this.sink!)
        return
      }
      // The reader gets a copy that it loses behind the call.
      const chunk = Buffer.from(this.script.pieces[this.next++]!)
      this.paused = true
      if (this.sink!.write(chunk)) this.paused = false
      chunk.fill(0xdd)
      this.seed = (this.seed * 1103515245 + 12345) & 0x7fffffff
      if (this.seed % 3 === 0) {
        this.schedule()
        return
      }
    }
  }

  private finish(sink: BodySink): void {
    this.state = 'over'
    if (this.script.breaks) sink.reset(new Failure('upstream-reset', 'the script says so'))
    else sink.end(this.script.trailers.length === 0 ? undefined : HeaderBlock.of(this.script.trailers))
  }
}
