import type { Clock, Timer } from '../../mesh/clock.ts'

export interface Progress {
  update(label: string): void
  /** Takes the line away again; idempotent. */
  done(): void
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 80
/** What is over sooner needs no word: a flicker is noise. */
const PATIENCE_MS = 300
/** In a pipe there is nothing to take away, so only what really takes time gets its line. */
const PIPE_PATIENCE_MS = 1_500

/** A spinner on a terminal, a plain line elsewhere; silent for what is over quickly. */
export function progressOn(stream: NodeJS.WriteStream, clock: Clock, label: string): Progress {
  return stream.isTTY ? spinner(stream, clock, label) : plainLines(stream, clock, label)
}

function spinner(stream: NodeJS.WriteStream, clock: Clock, first: string): Progress {
  let label = first
  let frame = 0
  let drawn = false
  const draw = () => {
    const room = Math.max(10, (stream.columns || 80) - 3)
    stream.write(`\r\x1b[2K${FRAMES[frame++ % FRAMES.length]} ${label.slice(0, room)}`)
    drawn = true
    timer = clock.after(FRAME_MS, draw)
  }
  let timer: Timer = clock.after(PATIENCE_MS, draw)
  return {
    update(next) {
      label = next
    },
    done() {
      timer.cancel()
      if (drawn) stream.write('\r\x1b[2K')
      drawn = false
    },
  }
}

function plainLines(stream: NodeJS.WriteStream, clock: Clock, first: string): Progress {
  let label = first
  const timer = clock.after(PIPE_PATIENCE_MS, () => void stream.write(`${label} ...\n`))
  return {
    update(next) {
      label = next
    },
    done: () => timer.cancel(),
  }
}
