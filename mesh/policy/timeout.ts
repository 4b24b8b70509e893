/** How long things may take. 0 switches a timeout off. */
import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { durationMs, offableDurationSchema } from '../duration.ts'
import { type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

export interface Timeout {
  /** To the response head, over all tries. */
  readonly requestMs: number
  /** Without a byte in either direction: streams, upgrades, server-sent events. */
  readonly idleMs: number
  /** The same for connections that carry plain bytes. Documents have one key for both, the defaults differ. */
  readonly tcpIdleMs: number
  readonly connectMs: number
}

/** Authored at mesh, service and route level. */
export const timeoutSchema = z
  .strictObject({
    request: offableDurationSchema.optional().describe('To the response head, over all tries. Default 15s.'),
    idle: offableDurationSchema
      .optional()
      .describe('Without a byte either way: streams (default 5m) and TCP connections (default 1h).'),
    connect: offableDurationSchema.optional().describe('To an established connection. Default 1s.'),
  })
  .meta({ id: 'Timeout' })
export type TimeoutPolicy = Authored<typeof timeoutSchema>

const fields: Fields<Timeout> = {
  requestMs: { path: ['request'], byDefault: 15_000, read: durationMs },
  idleMs: { path: ['idle'], byDefault: 300_000, read: durationMs },
  tcpIdleMs: { path: ['idle'], byDefault: 3_600_000, read: durationMs },
  connectMs: { path: ['connect'], byDefault: 1000, read: durationMs },
}

const off: Timeout = { requestMs: 0, idleMs: 0, tcpIdleMs: 0, connectMs: 0 }

export const resolveTimeout = (levels: readonly Level<TimeoutPolicy>[]): Resolved<Timeout> =>
  resolveLevels(fields, off, levels)
