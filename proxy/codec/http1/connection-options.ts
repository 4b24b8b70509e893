/** Fields that a Connection field names belong to one connection and stay behind (RFC 9110 7.6.1). */
import { FieldKind } from '../../field-kind.ts'
import { FIELD_STRIDE, type HeaderBlock } from '../../header-block.ts'

/**
 * What no Connection field can take away: it is meant for the other end, and a request that loses it here means
 * something else behind us (who is asking, for what, how it is framed, what it may read from a cache).
 */
const END_TO_END: ReadonlySet<string> = new Set([
  'accept',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'etag',
  'forwarded',
  'host',
  'if-match',
  'if-none-match',
  'location',
  'origin',
  'pragma',
  'range',
  'referer',
  'server',
  'set-cookie',
  'traceparent',
  'tracestate',
  'user-agent',
  'vary',
  'via',
  'www-authenticate',
])

const isProtected = (name: string): boolean =>
  END_TO_END.has(name) ||
  name.startsWith('x-forwarded-') ||
  name.startsWith('x-selvage-') ||
  name.startsWith('sec-') ||
  name.startsWith('grpc-')

/** Marks the fields that `options` (in lower case) name. `marks` are the block's own. */
export function markConnectionOptions(block: HeaderBlock, marks: number[], options: readonly string[]): void {
  for (const option of options) {
    if (isProtected(option)) continue
    for (let field = 0; field < block.count; field++) {
      if (block.kindAt(field) === FieldKind.PLAIN && block.isNamed(field, option))
        marks[field * FIELD_STRIDE + 2] = FieldKind.CONNECTION_OPTION
    }
  }
}
