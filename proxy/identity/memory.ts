import type { Identity } from './identity.ts'
import type { IdentitySource } from './identity-source.ts'

/** An identity that somebody else sets: tests, and programs that bring their own. */
export class MemoryIdentity implements IdentitySource {
  private current: Identity | undefined
  private readonly watchers = new Set<(identity: Identity) => void>()

  constructor(identity?: Identity) {
    this.current = identity
  }

  set(identity: Identity): void {
    this.current = identity
    for (const accept of this.watchers) accept(identity)
  }

  watch(accept: (identity: Identity) => void): () => void {
    this.watchers.add(accept)
    if (this.current !== undefined) accept(this.current)
    return () => this.watchers.delete(accept)
  }
}
