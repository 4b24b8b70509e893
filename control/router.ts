/** A router of the control API: what each resource's file starts from. */
import type { X509Certificate } from 'node:crypto'
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { problemSchema } from '../mesh/protocol.ts'
import type { Violation } from '../mesh/violation.ts'
import type { Principal } from './caller/caller.ts'
import { Refusal } from './refusal.ts'

export interface ControlEnv {
  /** What the host knows of the connection; a test gives it as the third argument of `app.request`. */
  Bindings: {
    /** Of the TLS client; the handshake has proven possession of its key, and nothing else. */
    readonly certificate?: X509Certificate | undefined
    readonly remoteAddress?: string | undefined
  }
  Variables: {
    /** Set before any handler but the public ones runs; those do not ask. */
    principal: Principal
  }
}

export type ControlContext = Context<ControlEnv>
export type Router = OpenAPIHono<ControlEnv>

export const router = (): Router =>
  new OpenAPIHono<ControlEnv>({
    defaultHook: result => {
      if (!result.success) throw malformed(result.error)
    },
  })

function malformed(error: z.core.$ZodError): Refusal {
  const violations: Violation[] = error.issues.map(({ path, message }) => ({
    path: path.join('.'),
    message,
  }))
  const detail = violations
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
  return new Refusal('bad-request', detail, { violations })
}

export const meshParam = z.object({ mesh: z.string().max(63).openapi({ example: 'shop' }) })
export const workloadParam = meshParam.extend({
  workload: z
    .string()
    .max(256)
    .openapi({ description: 'Percent-encoded: payments%2Fv1.', example: 'payments/v1' }),
})

/** One body of JSON, as `createRoute` wants it. */
export const json = <T extends z.ZodType>(schema: T, description: string) =>
  ({ description, content: { 'application/json': { schema } } }) as const

export const jsonBody = <T extends z.ZodType>(schema: T) =>
  ({ required: true, content: { 'application/json': { schema } } }) as const

/** What every operation may answer besides. */
export const refusals = {
  default: {
    description: 'A refusal (RFC 9457)',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
} as const

export { createRoute, z }
