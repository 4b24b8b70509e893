/** Weighted choice of a target. */
import type { Random } from './clock.ts'
import type { RouteTarget } from './snapshot.ts'

/**
 * Draws one target by weight. Undefined when there is none or all weights are 0: such a request has no backend and
 * is answered with 500, as is one whose target has no `workload` (Gateway API, HTTPRouteRule.backendRefs).
 */
export function pick<T extends RouteTarget>(targets: readonly T[], random: Random): T | undefined {
  if (targets.length === 1) return targets[0]!.weight > 0 ? targets[0] : undefined
  let total = 0
  for (const target of targets) total += target.weight
  if (total === 0) return undefined
  let left = random.next() * total
  let last: T | undefined
  for (const target of targets) {
    if (target.weight === 0) continue
    left -= target.weight
    if (left < 0) return target
    last = target
  }
  // Rounding may leave a crumb of the total behind the last target.
  return last
}
