/**
 * What a field means to the codecs themselves: they are told apart once, while a header section is read, so that
 * framing and forwarding never compare names again.
 */
export const FieldKind = {
  /** Nothing special: forwarded as it is. */
  PLAIN: 0,
  HOST: 1,
  CONTENT_LENGTH: 2,
  /** Reads like a framing field to gateways that take `_` for `-`, as CGI and WSGI do: never let through. */
  LOOKALIKE: 3,
  /** This kind and those above belong to one connection and are never forwarded (RFC 9110 7.6.1). */
  CONNECTION: 16,
  KEEP_ALIVE: 17,
  PROXY_CONNECTION: 18,
  TE: 19,
  TRANSFER_ENCODING: 20,
  UPGRADE: 21,
  HTTP2_SETTINGS: 22,
  /** Every hop decides anew whether it waits for a 100 (RFC 9110 10.1.1). */
  EXPECT: 23,
  /** Named by a Connection field. */
  CONNECTION_OPTION: 24,
} as const

export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

/** The first kind that belongs to one connection. */
export const FIRST_HOP_BY_HOP: number = FieldKind.CONNECTION

const KINDS: ReadonlyMap<string, FieldKind> = new Map([
  ['host', FieldKind.HOST],
  ['content-length', FieldKind.CONTENT_LENGTH],
  ['expect', FieldKind.EXPECT],
  ['connection', FieldKind.CONNECTION],
  ['keep-alive', FieldKind.KEEP_ALIVE],
  ['proxy-connection', FieldKind.PROXY_CONNECTION],
  ['te', FieldKind.TE],
  ['transfer-encoding', FieldKind.TRANSFER_ENCODING],
  ['upgrade', FieldKind.UPGRADE],
  ['http2-settings', FieldKind.HTTP2_SETTINGS],
  ['content_length', FieldKind.LOOKALIKE],
  ['transfer_encoding', FieldKind.LOOKALIKE],
])

interface Candidate {
  /** Lower-cased as `lowered` does it. */
  readonly codes: Uint8Array
  readonly kind: FieldKind
}

/** By the length of the name: most names have a length that none of these has. */
const CANDIDATES: (Candidate[] | undefined)[] = []
/** Whether any name of a length begins with a letter: at `length * 32` and the letter's number. Tells most names at once. */
const BEGINNINGS = new Uint8Array(32 * 32)

for (const [name, kind] of KINDS) {
  const codes = Uint8Array.from(name, character => lowered(character.charCodeAt(0)))
  CANDIDATES[name.length] = [...(CANDIDATES[name.length] ?? []), { codes, kind }]
  BEGINNINGS[beginning(name.length, codes[0]!)] = 1
}

function beginning(length: number, code: number): number {
  return length * 32 + (code & 31)
}

/** The kind of a field by its name, in any case. */
export function fieldKind(name: string): FieldKind {
  const { length } = name
  if (length > 31 || BEGINNINGS[beginning(length, name.charCodeAt(0))] === 0) return FieldKind.PLAIN
  return KINDS.get(name.toLowerCase()) ?? FieldKind.PLAIN
}

/** The same for a name (a token) that stands in `bytes`. */
export function fieldKindAt(bytes: Buffer, start: number, end: number): FieldKind {
  const length = end - start
  if (length > 31 || BEGINNINGS[beginning(length, bytes[start]!)] === 0) return FieldKind.PLAIN
  const candidates = CANDIDATES[length]!
  for (let i = 0; i < candidates.length; i++) {
    const { codes, kind } = candidates[i]!
    let at = 0
    while (at < length && lowered(bytes[start + at]!) === codes[at]) at++
    if (at === length) return kind
  }
  return FieldKind.PLAIN
}

/** Lower case of letters; digits and the hyphen stay, and no other byte of a token becomes one of these. */
function lowered(code: number): number {
  return code | 0x20
}
