/** What is asked of every body before anybody reads it. */
import type { MiddlewareHandler } from 'hono'
import { Refusal } from './refusal.ts'
import type { ControlEnv } from './router.ts'

/** Uncompressed; the store's own limit is on compressed bytes. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
const MAX_BODY_BYTES = 64 * 1024

const BODIES: ReadonlySet<string> = new Set(['PUT', 'POST'])

/**
 * Only bodies whose length is known beforehand are read (RFC 9110 section 15.5.12); the host's parser holds the
 * sender to it. Documents may be large, everything else is small.
 */
export const limitBody: MiddlewareHandler<ControlEnv> = async (c, next) => {
  if (BODIES.has(c.req.method)) {
    const length = c.req.header('content-length')
    if (length === undefined || !/^\d{1,15}$/.test(length)) {
      throw new Refusal('length-required', 'the body has no Content-Length; send it whole, not in chunks')
    }
    const documents = /^\/v1\/meshes\/[^/]+\/(?:fragments\/[^/]+|plan)$/.test(c.req.path)
    const maxBytes = documents ? MAX_DOCUMENT_BYTES : MAX_BODY_BYTES
    if (Number(length) > maxBytes) {
      throw new Refusal('too-large', `the body has ${length} bytes, and the limit is ${maxBytes}`)
    }
  }
  await next()
}

/** A body of another kind would otherwise count as none. */
export const jsonOnly: MiddlewareHandler<ControlEnv> = async (c, next) => {
  const type = c.req.header('content-type')
  if (BODIES.has(c.req.method) && !/^application\/json\s*(?:;|$)/i.test(type ?? '')) {
    const found = type === undefined ? 'no Content-Type' : `Content-Type "${type.slice(0, 100)}"`
    throw new Refusal('unsupported-media-type', `found ${found}, expected application/json`)
  }
  await next()
}
