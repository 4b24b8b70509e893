/** Requests can be sent to where a route sends them. */
import type { RouteInput } from '../document.ts'
import { workloadsOf } from '../names.ts'
import { portsOf } from '../resolve.ts'
import { targetsOf } from '../resolve-routes.ts'
import type { Path } from '../violation.ts'
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
    for (const target of targetPaths(route.to))
      for (const workload of workloadsOf(context.names, target.name) ?? [])
        checkWorkload(context, route, workload, target.port, [...path, ...target.path])
  }
}

/** The target must answer the port that is dialled there. */
function checkWorkload(
  { document, names, report }: CheckContext,
  route: RouteInput,
  workload: string,
  port: number | undefined,
  path: Path,
): void {
  const services = names.workloads.get(workload) ?? []
  if (services.length === 0) {
    report(
      path,
      `found "${workload}", which stands behind no service, expected a workload that can be called`,
    )
    return
  }
  const answered = new Set(services.flatMap(name => dialPorts(document, name)))
  if (answered.size === 0) return
  const dialled = port !== undefined ? [port] : (route.match?.port ?? dialPorts(document, route.service))
  const missing = [dialled].flat().find(one => !answered.has(one))
  if (missing === undefined) return
  const ports = [...answered].join(', ')
  report(
    path,
    `found "${workload}", which does not answer port ${missing}; expected a target with "port" set to one of its own: ${ports}`,
  )
}

/** Ports that callers of a service dial. */
export const dialPorts = (document: CheckContext['document'], service: string): readonly number[] => {
  const authored = document.services?.[service]
  return authored === undefined ? [] : portsOf(authored).map(({ port }) => port)
}
