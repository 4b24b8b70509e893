/** Classes of bytes in HTTP/1.1 messages, as tables: one load for each byte of a name or a target. */

function tableOf(accepts: (code: number) => boolean): Uint8Array {
  const table = new Uint8Array(256)
  for (let code = 0; code < 256; code++) table[code] = accepts(code) ? 1 : 0
  return table
}

const isAlphanumeric = (code: number): boolean => /[0-9A-Za-z]/.test(String.fromCharCode(code))
const isOneOf = (code: number, characters: string): boolean => characters.includes(String.fromCharCode(code))

/** `tchar` (RFC 9110 5.6.2): what names of fields and methods are made of. */
export const TOKEN: Uint8Array = tableOf(code => isAlphanumeric(code) || isOneOf(code, "!#$%&'*+-.^_`|~"))

/** Visible characters, blanks, tabs and obs-text: what values (RFC 9110 5.5) and start lines are made of. */
export const TEXT: Uint8Array = tableOf(code => (code >= 0x20 && code !== 0x7f) || code === 0x09)

/**
 * What may stand in a request target. RFC 3986 allows less, but browsers send `|`, `"`, `{` and the like as they
 * are, and nobody reads those in two ways. Not so a fragment (`#`) and bytes beyond ASCII.
 */
export const TARGET: Uint8Array = tableOf(code => code > 0x20 && code < 0x7f && code !== 0x23)

/**
 * Of those, the ones that mean something to us (`?`), or that may stand in a path that is not normalised yet: dots,
 * escapes and backslashes, and slashes, which may be double.
 */
export const SPECIAL_IN_TARGET: Uint8Array = tableOf(code => isOneOf(code, '?./%\\'))

/**
 * `reg-name` of a host (RFC 3986 3.2.2) without the comma: a list of hosts is what two Host fields look like
 * once somebody has joined them.
 */
export const REG_NAME: Uint8Array = tableOf(code => isAlphanumeric(code) || isOneOf(code, "-._~%!$&'()*+;="))

/** Inside the brackets of an IPv6 or later address (RFC 3986 3.2.2). */
export const IP_LITERAL: Uint8Array = tableOf(
  code => isAlphanumeric(code) || isOneOf(code, ":.-._~!$&'()*+;=%"),
)

/** Value of a hexadecimal digit, 255 for other bytes. */
export const HEX_DIGIT: Uint8Array = new Uint8Array(256).fill(255)
for (let digit = 0; digit < 16; digit++) {
  HEX_DIGIT[digit.toString(16).charCodeAt(0)] = digit
  HEX_DIGIT[digit.toString(16).toUpperCase().charCodeAt(0)] = digit
}

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const COLON = 0x3a
export const SLASH = 0x2f
export const SEMICOLON = 0x3b
export const QUESTION_MARK = 0x3f
export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const DELETE = 0x7f

/** Whether `HTTP/d.d` stands there, for whatever digits: compared byte by byte, since a string would have to be made. */
export function isHttpVersion(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f &&
    isDigit(bytes[at + 5]!) &&
    bytes[at + 6] === 0x2e &&
    isDigit(bytes[at + 7]!)
  )
}

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
