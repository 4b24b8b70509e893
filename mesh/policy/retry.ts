/** When and how often a request is tried again. */
import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { byteSizeSchema, parseByteSize } from '../byte-size.ts'
import { durationMs, durationSchema, offableDurationSchema } from '../duration.ts'
import { percentSchema } from '../name.ts'
import type { RetryBudget } from '../snapshot.ts'
import { defaultsOf, type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

/**
 * Conditions on an answer or its absence. `reset`: the connection broke before the first byte of a response.
 * `5xx` and `gateway-error` (502, 503, 504) include `reset` and per-try timeouts, as in Envoy. `connect-failure`
 * is accepted for familiarity: what never reached an app is always retried while `attempts` allows.
 */
export type RetryCondition = '5xx' | 'gateway-error' | 'reset' | 'connect-failure' | 'retriable-4xx' | number

export interface Retry {
  /** Retries after the first try; 0 switches retrying off. */
  readonly attempts: number
  readonly on: readonly RetryCondition[]
  /** 0: none. */
  readonly perTryTimeoutMs: number
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  /** Methods that are not idempotent may be retried on an answer or a reset, too. */
  readonly nonIdempotent: boolean
  /** A request body up to this size is kept for a retry; a larger one is sent once. */
  readonly maxBodyBytes: number
}

const conditionSchema = z.union([
  z.enum(['5xx', 'gateway-error', 'reset', 'connect-failure', 'retriable-4xx']),
  z.int().min(400).max(599),
])

/** Authored at mesh, service and route level. The budget belongs to the service: one route may write it for all. */
export const retrySchema = z
  .strictObject({
    attempts: z.int().min(0).max(20).optional().describe('Retries after the first try.'),
    on: z.array(conditionSchema).max(50).optional().describe('What is tried again. Default: reset.'),
    perTryTimeout: offableDurationSchema.optional().describe('Time to the response head of one try.'),
    backoff: z
      .strictObject({
        base: durationSchema.optional().describe('Default 25ms.'),
        max: durationSchema.optional().describe('Default ten times the base.'),
      })
      .refine(
        ({ base, max }) => base === undefined || max === undefined || durationMs(base) <= durationMs(max),
        {
          error: 'expected a base that is at most the max',
        },
      )
      .optional()
      .describe('Wait before a retry: grows from base to max, with full jitter.'),
    nonIdempotent: z
      .boolean()
      .optional()
      .describe('Methods that are not idempotent may be retried after the app may have seen the request.'),
    maxBody: byteSizeSchema(16 * 1024 * 1024)
      .optional()
      .describe('Request bodies up to this size are kept for a retry.'),
    budget: z
      .strictObject({
        percent: percentSchema.optional(),
        minPerSecond: z.number().min(0).max(10_000).optional(),
      })
      .optional()
      .describe('Limits retries as a share of the first tries; shared by all routes of the service.'),
  })
  .meta({ id: 'Retry' })
export type RetryPolicy = Authored<typeof retrySchema>

const fields: Fields<Retry> = {
  attempts: { path: ['attempts'], byDefault: 2 },
  on: { path: ['on'], byDefault: ['reset'] },
  perTryTimeoutMs: { path: ['perTryTimeout'], byDefault: 0, read: durationMs },
  backoffBaseMs: { path: ['backoff', 'base'], byDefault: 25, read: durationMs },
  backoffMaxMs: { path: ['backoff', 'max'], byDefault: 250, read: durationMs },
  nonIdempotent: { path: ['nonIdempotent'], byDefault: false },
  maxBodyBytes: {
    path: ['maxBody'],
    byDefault: 65_536,
    read: (size: string | number) => parseByteSize(size) ?? 0,
  },
}

const budgetFields: Fields<RetryBudget> = {
  percent: { path: ['budget', 'percent'], byDefault: 20 },
  minPerSecond: { path: ['budget', 'minPerSecond'], byDefault: 3 },
}

const off: Retry = { ...defaultsOf(fields), attempts: 0 }

/** `backoff.max` is ten times the base unless a level gives it, as in Envoy. */
export function resolveRetry(levels: readonly Level<RetryPolicy>[]): Resolved<Retry> {
  const resolved = resolveLevels(fields, off, levels)
  if (resolved.origin.backoffMaxMs !== 'default') return resolved
  return { ...resolved, value: { ...resolved.value, backoffMaxMs: resolved.value.backoffBaseMs * 10 } }
}

/** `false` on a level says nothing about the budget: no retries spend none of it. */
export const resolveRetryBudget = (levels: readonly Level<RetryPolicy>[]): Resolved<RetryBudget> =>
  resolveLevels(
    budgetFields,
    defaultsOf(budgetFields),
    levels.filter(level => level.policy !== false),
  )
