/**
 * Who wants to be told of an end, in the order in which they asked. Linked by hand: V8 learns from array literals
 * that survive a collection to make them where only a full collection finds them (`engine.ts`), and with them
 * everything that they hold.
 */
export class EndListeners<Told extends unknown[]> {
  private first: Link<Told> | undefined = undefined
  private last: Link<Told> | undefined = undefined

  add(listener: (...told: Told) => void): void {
    const link = new Link(listener)
    if (this.last === undefined) this.first = link
    else this.last.next = link
    this.last = link
  }

  tell(...told: Told): void {
    for (let link = this.first; link !== undefined; link = link.next) link.listener(...told)
  }
}

class Link<Told extends unknown[]> {
  readonly listener: (...told: Told) => void
  next: Link<Told> | undefined = undefined

  constructor(listener: (...told: Told) => void) {
    this.listener = listener
  }
}
