/**
 * Whose bytes a chunk is. A transport reads into a buffer that it uses again, so that a chunk is valid only during
 * the call that hands it over; who needs it longer takes a copy.
 */

/**
 * A copy of the chunk that stays valid. Small ones come out of Node's pool (8 KiB and less), so that keeping
 * the rest of a small message costs no allocation of its own.
 */
export function retain(chunk: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(chunk.length)
  chunk.copy(copy)
  return copy
}
