/** Asks endpoints actively whether they are well. */
import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { durationMs, durationSchema } from '../duration.ts'
import { defaultsOf, type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

export interface HealthCheck {
  readonly protocol: 'http' | 'tcp'
  /** For `http`. */
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly healthyThreshold: number
  readonly unhealthyThreshold: number
}

const threshold = z.int().min(1).max(100)

/** Authored at mesh, service and workload level. Off until a level gives it. */
export const healthCheckSchema = z
  .strictObject({
    protocol: z.enum(['http', 'tcp']).optional().describe('Default http.'),
    path: z
      .string()
      .max(1024)
      .regex(/^\/[\x21-\x7e]*$/, { error: 'expected a path that begins with "/", without spaces' })
      .optional()
      .describe('For http: answered with 2xx by an endpoint that is well. Default /.'),
    interval: durationSchema.optional().describe('Default 10s.'),
    timeout: durationSchema.optional().describe('Default 1s.'),
    healthyThreshold: threshold
      .optional()
      .describe('Answers in a row until an endpoint is used again. Default 2.'),
    unhealthyThreshold: threshold.optional().describe('Failures in a row until it is not. Default 3.'),
  })
  .meta({ id: 'HealthCheck' })
export type HealthCheckPolicy = Authored<typeof healthCheckSchema>

const fields: Fields<HealthCheck> = {
  protocol: { path: ['protocol'], byDefault: 'http' },
  path: { path: ['path'], byDefault: '/' },
  intervalMs: { path: ['interval'], byDefault: 10_000, read: durationMs },
  timeoutMs: { path: ['timeout'], byDefault: 1000, read: durationMs },
  healthyThreshold: { path: ['healthyThreshold'], byDefault: 2 },
  unhealthyThreshold: { path: ['unhealthyThreshold'], byDefault: 3 },
}

/** `off` when no level gives it, or the nearest says `false`. */
export function resolveHealthCheck(levels: readonly Level<HealthCheckPolicy>[]): Resolved<HealthCheck> {
  const resolved = resolveLevels(fields, defaultsOf(fields), levels)
  return { ...resolved, off: resolved.off || levels.every(level => level.policy === undefined) }
}
