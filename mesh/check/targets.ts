/** Requests can be sent to where a route sends them. */
import type { RouteInput } from '../document.ts'
import { workloadsOf } from '../names.ts'
import { portsOf } from '../resolve.ts'
import { targetsOf } from '../resolve-routes.ts'
import type { Check, CheckContext } from './check.ts'
import { targetPaths } from './references.ts'

export const checkTargets: Check = context => {
  const { document, report, warn, damaged } = context
  for (const [index, route] of (document.routes ?? []).entries()) {
    const path = ['routes', index, 'to']
    const targets = targetsOf(route.to)
    if (damaged(path)) continue
    if (targets.length === 0) report(path, 'found no targets, expected at least one')
    else if (targets.every(({ weight }) => weight === 0))
      warn(path, 'all weights are 0: every request that matches is answered with 500')
    for (const { name, port, path: own } of targetPaths(route.to)) {
      const problem = (workloadsOf(context.names, name) ?? [])
        .map(workload => workloadProblem(context, route, workload, port))
        .find(found => found !== undefined)
      if (problem !== undefined) report([...path, ...own], problem)
    }
  }
}

/** The target must answer the port that is dialled there. */
function workloadProblem(
  { document, names }: CheckContext,
  route: RouteInput,
  workload: string,
  port: number | undefined,
): string | undefined {
  const services = names.workloads.get(workload) ?? []
  if (services.length === 0)
    return `found "${workload}", which stands behind no service, expected a workload that can be called`
  const answered = new Set(services.flatMap(name => dialPorts(document, name)))
  const dialled = dialPorts(document, route.service)
  const matched = route.match?.port === undefined ? dialled : dialled.filter(one => one === route.match?.port)
  const missing = (port === undefined ? matched : [port]).find(one => !answered.has(one))
  if (answered.size === 0 || missing === undefined) return undefined
  const ports = [...answered].join(', ')
  return `found "${workload}", which does not answer port ${missing}; expected a target with "port" set to one of its own: ${ports}`
}

/** Ports that callers of a service dial. */
export const dialPorts = (document: CheckContext['document'], service: string): readonly number[] => {
  const authored = document.services?.[service]
  return authored === undefined ? [] : portsOf(authored).map(({ port }) => port)
}
