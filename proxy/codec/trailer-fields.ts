/** What may come behind a body (RFC 9110 6.5). */
import { HeaderBlock } from '../header-block.ts'

/**
 * Fields that must not come behind the body (RFC 9110 6.5.1): they frame or route the message, say who sends it, or
 * are needed before the body is read. A receiver that merges trailers into the header would act on them: dropped.
 */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'max-forwards',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'www-authenticate',
])

const isForbidden = (name: string): boolean =>
  FORBIDDEN.has(name) || name.startsWith('x-forwarded-') || name.startsWith('x-selvage-')

/** A trailer section without the fields that must not be in one; undefined when nothing is left. */
export function allowedTrailers(block: HeaderBlock): HeaderBlock | undefined {
  if (block.count === 0) return undefined
  const fields: [string, string][] = []
  block.forEach((name, value) => {
    if (!isForbidden(name)) fields.push([name, value])
  })
  if (fields.length === 0) return undefined
  return fields.length === block.count ? block : HeaderBlock.of(fields)
}
