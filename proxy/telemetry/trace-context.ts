/** W3C Trace Context (https://www.w3.org/TR/trace-context/): reading and writing its two header fields. */
import type { Random } from '../../mesh/clock.ts'

export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits: the span that called. */
  readonly parentId: string
  readonly flags: number
}

const SAMPLED = 0x01
/** Sampled, and random (level 2); the others are unknown and must be zero in what we send (3.2.2.5). */
const KNOWN_FLAGS = 0x03

/** Section 3.2.2: version ff and all-zero ids are invalid; a later version may go on after a dash. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/
const LENGTH = 55

/** Whether the field's value can be read. Repeated fields arrive joined by a comma and cannot. */
export const isTraceParent = (value: string): boolean =>
  TRACEPARENT.test(value) && (value.length === LENGTH || !value.startsWith('00'))

/** Whether a readable value asks to be recorded; looks at one digit, so that other requests cost nothing more. */
export const isSampled = (traceparent: string): boolean =>
  (Number.parseInt(traceparent[LENGTH - 1] as string, 16) & SAMPLED) !== 0

/** Takes a readable value apart. */
export const parseTraceParent = (value: string): TraceParent => ({
  traceId: value.slice(3, 35),
  parentId: value.slice(36, 52),
  flags: Number.parseInt(value.slice(53, LENGTH), 16),
})

export const formatTraceParent = ({ traceId, parentId, flags }: TraceParent): string =>
  `00-${traceId}-${parentId}-0${flags & KNOWN_FLAGS}`

/** Section 3.3.1.3.1, as level 2 relaxed it: a key may begin with a digit. */
const KEY = '[a-z0-9][a-z0-9_\\-*/]{0,255}(?:@[a-z0-9][a-z0-9_\\-*/]{0,255})?'
/** Printable ASCII without comma and equals sign, not ending in a space. */
const VALUE = '[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]'
const MEMBER = new RegExp(`^${KEY}=${VALUE}$`)
const MAX_MEMBERS = 32
/** Beyond 512 characters nobody has to carry it; we do, up to the point where it is a nuisance. */
const MAX_TRACESTATE = 8192

/** Whether `tracestate` may be passed on; if one member cannot be read, the whole is dropped (3.3.1). */
export function isTraceState(value: string): boolean {
  if (value.length > MAX_TRACESTATE) return false
  let members = 0
  for (const part of value.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '')
    if (member === '') continue
    if (++members > MAX_MEMBERS || !MEMBER.test(member)) return false
  }
  return members > 0
}

/** Ids from the room's own dice; one flat string each, because they are written into headers. */
export class TraceIds {
  private readonly words = new Uint32Array(6)
  private readonly bytes = Buffer.from(this.words.buffer)
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** `traceparent` of a trace that begins here and is not recorded. */
  unrecorded(): string {
    const digits = this.draw(24)
    return `00-${digits.slice(0, 32)}-${digits.slice(32)}-00`
  }

  traceId(): string {
    return this.draw(16)
  }

  spanId(): string {
    return this.draw(8)
  }

  private draw(count: number): string {
    const { words, bytes, random } = this
    for (let i = 0; i < count / 4; i++) words[i] = random.next() * 0x1_0000_0000
    // All zeros means "none"; one chance in 2^64 is still a wrong header.
    bytes[0] = (bytes[0] as number) | 1
    bytes[count - 1] = (bytes[count - 1] as number) | 1
    return bytes.toString('hex', 0, count)
  }
}
