/** Endpoints that somebody wrote down: by workload, replaced whole. */
import { z } from 'zod'
import { registrationSchema } from '../../mesh/protocol.ts'
import { type Discovery, lists } from './discovery.ts'

const { address, port, zone, version, weight, health } = registrationSchema.shape

export const staticEndpointsSchema = z.record(
  z.string(),
  z.array(z.strictObject({ id: z.string().min(1).max(128), address, port, zone, version, weight, health })),
)
export type StaticEndpoints = z.input<typeof staticEndpointsSchema>

export interface StaticDiscovery extends Discovery {
  /**
   * Replaces all lists; a workload that is no longer named keeps its last one: no longer named is unknown.
   * @throws z.ZodError naming the place, and every list stays as it was
   */
  replace(endpoints: StaticEndpoints): void
}

export function staticDiscovery(endpoints: StaticEndpoints = {}): StaticDiscovery {
  const kept = lists()
  const replace = (next: StaticEndpoints): void => {
    const valid = staticEndpointsSchema.parse(next)
    for (const [workload, list] of Object.entries(valid)) kept.set(workload, list.map(withoutAbsent))
  }
  replace(endpoints)
  return { watch: kept.watch, replace }
}

/** Optional keys that are absent, not undefined. */
function withoutAbsent({ zone, version, ...rest }: z.output<typeof staticEndpointsSchema>[string][number]) {
  return {
    ...rest,
    ...(zone === undefined ? undefined : { zone }),
    ...(version === undefined ? undefined : { version }),
  }
}
