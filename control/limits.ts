/** What is asked of every body before anybody reads it. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Refusal } from './refusal.ts'
import type { ControlEnv } from './router.ts'

/** Uncompressed; the store's own limit is on compressed bytes. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
const MAX_BODY_BYTES = 64 * 1024

const limited = (maxBytes: number): MiddlewareHandler<ControlEnv> =>
  bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Refusal('too-large', `the body is larger than ${maxBytes} bytes`)
    },
  })

const documents = limited(MAX_DOCUMENT_BYTES)
const others = limited(MAX_BODY_BYTES)

/** Documents may be large, everything else is small. */
export const limitBody: MiddlewareHandler<ControlEnv> = (c, next) =>
  /\/(?:fragments\/[^/]+|plan)$/.test(c.req.path) ? documents(c, next) : others(c, next)

/** A body of another kind would otherwise count as none. */
export const jsonOnly: MiddlewareHandler<ControlEnv> = async (c, next) => {
  const type = c.req.header('content-type')
  const reads = c.req.method === 'PUT' || c.req.method === 'POST'
  if (reads && !/^application\/json\s*(?:;|$)/i.test(type ?? '')) {
    const found = type === undefined ? 'no Content-Type' : `Content-Type "${type.slice(0, 100)}"`
    throw new Refusal('unsupported-media-type', `found ${found}, expected application/json`)
  }
  await next()
}
