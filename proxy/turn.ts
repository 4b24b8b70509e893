/**
 * The end of a turn of the event loop: what all connections have gathered until then leaves in one write each. In a
 * turn with many requests they share frames' way out: one record of TLS and one system call for all of them.
 */
export interface Gatherer {
  /** The turn is over. */
  flush(): void
}

let gatherers: Gatherer[] = []
let spare: Gatherer[] = []

/** `gatherer` has something to send: it is called once, before the loop waits for events again. */
export function flushAtTurnEnd(gatherer: Gatherer): void {
  if (gatherers.length === 0) setImmediate(turnEnded)
  gatherers.push(gatherer)
}

function turnEnded(): void {
  const now = gatherers
  gatherers = spare
  spare = now
  for (let i = 0; i < now.length; i++) now[i]!.flush()
  now.length = 0
}
