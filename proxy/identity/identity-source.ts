/** Where the certificate comes from: the control API, files, or memory. Watch → whole value. */
import type { Identity } from './identity.ts'

export interface IdentitySource {
  /**
   * Calls `accept` with each whole identity, as soon as there is one and whenever it is replaced. Failures are
   * the source's own to log and to try again, and the last identity stays; `giveUp` is called when there is none
   * and there never will be. Returns how to stop.
   */
  watch(accept: (identity: Identity) => void, giveUp: (reason: Error) => void): () => void
}

/** Why there will never be a certificate: without one the process cannot do its work. */
export class IdentityRefused extends Error {}
