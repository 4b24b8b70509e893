/** Hosts and ports as they stand in Host fields, request targets and CONNECT (RFC 3986 3.2, RFC 9110 7.2). */
import { IP_LITERAL, REG_NAME } from './characters.ts'

/**
 * `host` or `host:port`, checked and in lower case, without an empty port; undefined when it is not valid. User
 * information is not: its only use in HTTP is to mislead (RFC 9110 4.2.4).
 */
export function readAuthority(text: string): string | undefined {
  const hostEnd = text.startsWith('[') ? literalEnd(text) : nameEnd(text)
  if (hostEnd === -1) return undefined
  if (hostEnd === text.length) return text.toLowerCase()
  if (text[hostEnd] !== ':' || !isPort(text, hostEnd + 1)) return undefined
  return (hostEnd + 1 === text.length ? text.slice(0, hostEnd) : text).toLowerCase()
}

/** The same for CONNECT, where the port is a must (RFC 9110 9.3.6). */
export function readTunnelAuthority(text: string): string | undefined {
  const authority = readAuthority(text)
  return authority !== undefined && /[^:]:[0-9]+$/.test(authority) ? authority : undefined
}

/** Position after a name or an IPv4 address. */
function nameEnd(text: string): number {
  let i = 0
  while (i < text.length && REG_NAME[text.charCodeAt(i)] === 1) i++
  return i === 0 ? -1 : i
}

/** Position after `[…]`. */
function literalEnd(text: string): number {
  const close = text.indexOf(']')
  if (close < 2) return -1
  for (let i = 1; i < close; i++) if (IP_LITERAL[text.charCodeAt(i)] !== 1) return -1
  return close + 1
}

/** Digits up to the end of the text, none or a number up to 65535. */
function isPort(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return false
  }
  return text.length - start <= 5 && Number(text.slice(start)) <= 65535
}
