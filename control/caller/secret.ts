/** Secrets of tokens: unguessable, known by a public id, kept only as a hash, compared in constant time. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export interface Secret {
  /** Public: finds the token in the store and names it in logs. */
  readonly id: string
  readonly secret: string
  /** Hex SHA-256. A plain hash is enough: the secret has 256 random bits, so nobody can try them all. */
  readonly hash: string
}

export function newSecret(): Secret {
  const secret = randomBytes(32).toString('base64url')
  return { id: randomBytes(9).toString('base64url'), secret, hash: hashOfSecret(secret) }
}

const hashOfSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

export const matchesHash = (secret: string, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashOfSecret(secret), 'hex'), Buffer.from(hash, 'hex'))

const MAX_TOKEN_LENGTH = 4096

/** What stands after `Bearer ` (RFC 6750 section 2.1); undefined for another scheme or none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_TOKEN_LENGTH) return undefined
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1]
}

/** Writes `<prefix><id>.<secret>`. */
export const formatToken = (prefix: string, { id, secret }: Secret): string => `${prefix}${id}.${secret}`

/** Undefined for text without the prefix; `damaged` where the rest is not `<id>.<secret>`. */
export function parseToken(
  prefix: string,
  text: string | undefined,
): { readonly id: string; readonly secret: string } | 'damaged' | undefined {
  if (text === undefined || !text.startsWith(prefix)) return undefined
  const [, id, secret] = /^([\w-]{12})\.([\w-]{43})$/.exec(text.slice(prefix.length)) ?? []
  return id === undefined || secret === undefined ? 'damaged' : { id, secret }
}
