/** Takes an endpoint out of balancing for a while when it fails real requests. */
import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { durationMs, durationSchema } from '../duration.ts'
import { percentSchema } from '../name.ts'
import { defaultsOf, type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

export interface OutlierDetection {
  /** Every 5xx, reset and connect failure in a row; 0: off. */
  readonly consecutiveErrors: number
  /** Only 502–504, resets and connect failures in a row; 0: off. */
  readonly consecutiveGatewayErrors: number
  /** How often ejections are looked over (ejection times shrink back); an endpoint returns when its own time ends. */
  readonly intervalMs: number
  /** Multiplied by the number of ejections in a row. */
  readonly baseEjectionTimeMs: number
  readonly maxEjectionTimeMs: number
  /** At most this share of a workload's endpoints, 0–100; the first ejection is always allowed. */
  readonly maxEjectionPercent: number
}

const count = z.int().min(0).max(100_000)

/** Authored at mesh, service, workload and (named) route level. */
export const outlierDetectionSchema = z
  .strictObject({
    consecutiveErrors: count.optional().describe('Every 5xx, reset and connect failure in a row; 0: off.'),
    consecutiveGatewayErrors: count
      .optional()
      .describe('502, 503, 504, resets and connect failures in a row; 0: off. Default 5.'),
    interval: durationSchema.optional(),
    baseEjectionTime: durationSchema.optional().describe('Multiplied by the number of ejections in a row.'),
    maxEjectionTime: durationSchema.optional(),
    maxEjectionPercent: percentSchema.optional().describe('The first ejection is always allowed.'),
  })
  .meta({ id: 'OutlierDetection' })
export type OutlierDetectionPolicy = Authored<typeof outlierDetectionSchema>

const fields: Fields<OutlierDetection> = {
  consecutiveErrors: { path: ['consecutiveErrors'], byDefault: 0 },
  consecutiveGatewayErrors: { path: ['consecutiveGatewayErrors'], byDefault: 5 },
  intervalMs: { path: ['interval'], byDefault: 10_000, read: durationMs },
  baseEjectionTimeMs: { path: ['baseEjectionTime'], byDefault: 30_000, read: durationMs },
  maxEjectionTimeMs: { path: ['maxEjectionTime'], byDefault: 300_000, read: durationMs },
  maxEjectionPercent: { path: ['maxEjectionPercent'], byDefault: 50 },
}

const off: OutlierDetection = { ...defaultsOf(fields), consecutiveErrors: 0, consecutiveGatewayErrors: 0 }

/** `maxEjectionTime` is at least the base unless a level gives it, as in Envoy. */
export function resolveOutlierDetection(
  levels: readonly Level<OutlierDetectionPolicy>[],
): Resolved<OutlierDetection> {
  const resolved = resolveLevels(fields, off, levels)
  const { baseEjectionTimeMs, maxEjectionTimeMs } = resolved.value
  if (resolved.origin.maxEjectionTimeMs !== 'default' || baseEjectionTimeMs <= maxEjectionTimeMs)
    return resolved
  return { ...resolved, value: { ...resolved.value, maxEjectionTimeMs: baseEjectionTimeMs } }
}
