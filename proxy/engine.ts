/** How the JavaScript engine runs this process. */
import { setFlagsFromString } from 'node:v8'

/**
 * Called once, before traffic. V8 notices object and array literals that outlive a few young collections and makes
 * them in old space from then on. A proxy's objects live exactly as long as a request: those that were alive while
 * it was busy teach V8 to keep all their successors, with everything that hangs on them, until a full collection.
 * Measured on the filter list alone: 5.6 µs of CPU a request with it, 2.2 µs without.
 */
export function tuneEngine(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
