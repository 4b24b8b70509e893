/** The difference between two revisions of a mesh, as people want to see it before they publish. */
import type { Clock } from '../mesh/clock.ts'
import { canonicalJson } from '../mesh/hash.ts'
import type { Plan } from '../mesh/protocol.ts'
import type { Model } from './model.ts'
import { slices } from './slices.ts'
import { compilePart } from './snapshot-parts.ts'

export function diffServices(before: Model, after: Model): Plan['services'] {
  const old = [...before.mesh.services.keys()]
  const now = [...after.mesh.services.keys()]
  return {
    added: now.filter(name => !before.mesh.services.has(name)),
    removed: old.filter(name => !after.mesh.services.has(name)),
  }
}

export function diffRoutes(before: Model, after: Model): Plan['routes'] {
  const old = authoredRoutes(before)
  const now = authoredRoutes(after)
  const changes: Plan['routes'] = []
  for (const [id, { service, key, route }] of now) {
    const earlier = old.get(id)
    if (earlier === undefined) changes.push({ change: 'added', service, key, after: route })
    else if (canonicalJson(earlier.route) !== canonicalJson(route)) {
      changes.push({ change: 'changed', service, key, before: earlier.route, after: route })
    }
  }
  for (const [id, { service, key, route }] of old) {
    if (!now.has(id)) changes.push({ change: 'removed', service, key, before: route })
  }
  return changes
}

interface AuthoredRoute {
  readonly service: string
  readonly key: string
  readonly route: unknown
}

/** Routes as written, by service and key; one with several hosts stands in the mesh several times. */
function authoredRoutes({ mesh, document }: Model): Map<string, AuthoredRoute> {
  const routes = new Map<string, AuthoredRoute>()
  for (const { name: service, routes: resolved } of mesh.services.values()) {
    const seen = new Set<number>()
    for (const { route, index } of resolved) {
      if (index === undefined || seen.has(index)) continue
      seen.add(index)
      let id = JSON.stringify([service, route.key])
      // Two routes without a name and with one match: the second never wins, and is still somebody's.
      while (routes.has(id)) id += '+'
      routes.set(id, { service, key: route.key, route: document.routes?.[index] })
    }
  }
  return routes
}

/** Workloads whose configuration would be another one, those that come and go included. */
export async function affectedWorkloads(before: Model, after: Model, clock: Clock): Promise<string[]> {
  const breathe = slices(clock)
  const affected: string[] = []
  for (const workload of new Set([...before.mesh.workloads.keys(), ...after.mesh.workloads.keys()])) {
    if (partOf(before, workload) !== partOf(after, workload)) affected.push(workload)
    await breathe()
  }
  return affected
}

const partOf = (model: Model, workload: string): string | undefined =>
  model.mesh.workloads.has(workload) ? compilePart(model, workload).json : undefined
