/** How an endpoint of a workload is chosen: power of two choices on least requests. */
import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { percentSchema } from '../name.ts'
import { type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

export interface LoadBalancer {
  /** Below this share of healthy endpoints, health is ignored; 0–100, counted within a workload. */
  readonly panicThresholdPercent: number
}

/** Authored at mesh, service and workload level. */
export const loadBalancerSchema = z
  .strictObject({
    panicThreshold: percentSchema
      .optional()
      .describe('Below this share of healthy endpoints, health is ignored. Default 50.'),
  })
  .meta({ id: 'LoadBalancer' })
export type LoadBalancerPolicy = Authored<typeof loadBalancerSchema>

const fields: Fields<LoadBalancer> = {
  panicThresholdPercent: { path: ['panicThreshold'], byDefault: 50 },
}

/** Balancing itself cannot be switched off: without the policy, health is never ignored. */
const off: LoadBalancer = { panicThresholdPercent: 0 }

export const resolveLoadBalancer = (levels: readonly Level<LoadBalancerPolicy>[]): Resolved<LoadBalancer> =>
  resolveLevels(fields, off, levels)
