/**
 * What a field means to the codecs themselves: they are told apart once, while a header section is read, so that
 * framing and forwarding never compare names again.
 */
export const FieldKind = {
  /** Nothing special: forwarded as it is. */
  PLAIN: 0,
  HOST: 1,
  CONTENT_LENGTH: 2,
  EXPECT: 3,
  DATE: 4,
  VIA: 5,
  /** This kind and those above belong to one connection and are never forwarded (RFC 9110 7.6.1). */
  CONNECTION: 16,
  KEEP_ALIVE: 17,
  PROXY_CONNECTION: 18,
  TE: 19,
  TRANSFER_ENCODING: 20,
  UPGRADE: 21,
  HTTP2_SETTINGS: 22,
  /** Named by a Connection field. */
  CONNECTION_OPTION: 23,
} as const

export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

/** The first kind that belongs to one connection. */
export const FIRST_HOP_BY_HOP: number = FieldKind.CONNECTION

const KINDS: Readonly<Record<string, FieldKind>> = {
  host: FieldKind.HOST,
  'content-length': FieldKind.CONTENT_LENGTH,
  expect: FieldKind.EXPECT,
  date: FieldKind.DATE,
  via: FieldKind.VIA,
  connection: FieldKind.CONNECTION,
  'keep-alive': FieldKind.KEEP_ALIVE,
  'proxy-connection': FieldKind.PROXY_CONNECTION,
  te: FieldKind.TE,
  'transfer-encoding': FieldKind.TRANSFER_ENCODING,
  upgrade: FieldKind.UPGRADE,
  'http2-settings': FieldKind.HTTP2_SETTINGS,
}

/** Kinds by the length of their name: most names have a length that none of them has. */
const BY_LENGTH: (readonly (readonly [name: string, kind: FieldKind])[])[] = []
for (const [name, kind] of Object.entries(KINDS)) {
  BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), [name, kind]]
}

/** The kind of a field by its name, in any case. */
export const fieldKind = (name: string): FieldKind => KINDS[name.toLowerCase()] ?? FieldKind.PLAIN

/** The kinds that a name of this length may have. */
export const kindsOfLength = (
  length: number,
): readonly (readonly [name: string, kind: FieldKind])[] | undefined => BY_LENGTH[length]
