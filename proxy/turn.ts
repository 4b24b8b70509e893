/**
 * The end of a turn of the event loop: what all connections have gathered until then leaves, one write behind the
 * other. In a turn with many requests those of an HTTP/2 connection share one record of TLS and one system call.
 */
export interface Gatherer {
  /** The turn is over. */
  flush(): void
}

let gatherers: Gatherer[] = []
let spare: Gatherer[] = []
let ending = false

/** Whether gatherers are flushed now: what is written then follows other writes already. */
export const turnIsEnding = (): boolean => ending

/** `gatherer` has something to send: it is called once, before the loop waits for events again. */
export function flushAtTurnEnd(gatherer: Gatherer): void {
  if (gatherers.length === 0) setImmediate(turnEnded)
  gatherers.push(gatherer)
}

function turnEnded(): void {
  const now = gatherers
  gatherers = spare
  spare = now
  ending = true
  try {
    for (let i = 0; i < now.length; i++) now[i]!.flush()
  } finally {
    ending = false
  }
  now.length = 0
}
