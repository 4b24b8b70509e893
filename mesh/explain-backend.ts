/** Where a route sends requests, and what holds there. */
import { compileAccess, type Verdict } from './access.ts'
import { inboundAccess } from './compile.ts'
import { explainPolicy, type PolicyExplanation } from './explain-policy.ts'
import type { ExplainedRequest } from './explain-request.ts'
import type { RequestView } from './match.ts'
import type { ResolvedMesh, ResolvedService, ResolvedWorkload } from './resolve.ts'
import type { ResolvedRoute } from './resolve-routes.ts'
import type { RouteTarget } from './snapshot.ts'

export interface BackendExplanation {
  /** As written in the route: a service stands for each of its workloads. */
  readonly name: string
  /** Absent: it does not exist (pending), and its share is answered with 500. */
  readonly workload: string | undefined
  readonly weight: number
  /** Share of the requests, 0–100. */
  readonly percent: number
  /** Dial port at the target. */
  readonly port: number
  /** What its own sidecar says. */
  readonly access: Verdict | undefined
  /** Of calls to it. A policy that is switched off is left out. */
  readonly policies: Readonly<Record<string, PolicyExplanation>>
}

export function explainBackends(
  mesh: ResolvedMesh,
  service: ResolvedService,
  { route }: ResolvedRoute,
  request: ExplainedRequest,
  view: RequestView,
): readonly BackendExplanation[] {
  const total = route.targets.reduce((sum, { weight }) => sum + weight, 0)
  return route.targets.map((target: RouteTarget) => {
    const workload = target.workload === undefined ? undefined : mesh.workloads.get(target.workload)
    const arriving = { ...view, port: target.port ?? view.port }
    const at = workload && answering(mesh, workload, service.name, arriving.port)
    return {
      name: target.name,
      workload: workload?.name,
      weight: target.weight,
      percent: total === 0 ? 0 : (100 * target.weight) / total,
      port: arriving.port,
      access:
        workload === undefined || at === undefined
          ? undefined
          : authorise(mesh, workload.name, at, request, arriving),
      policies: workload === undefined ? {} : policiesOf(workload),
    }
  })
}

/** The service that the workload's sidecar takes it for: the dialled one, or its first that answers the port. */
function answering(
  mesh: ResolvedMesh,
  { services }: ResolvedWorkload,
  dialled: string,
  port: number,
): string | undefined {
  if (services.includes(dialled)) return dialled
  return services.find(name => mesh.services.get(name)?.ports.some(one => one.port === port))
}

/** The verdict of one workload's sidecar. */
export function authorise(
  mesh: ResolvedMesh,
  workload: string,
  service: string,
  request: ExplainedRequest,
  view: RequestView,
): Verdict {
  const access = compileAccess(inboundAccess(mesh, workload, service, view.port))
  return request.protocol === 'tcp' ? access.authoriseConnection(view) : access.authorise(view)
}

const POLICIES = ['tls', 'loadBalancer', 'circuitBreaker', 'outlierDetection', 'healthCheck'] as const

function policiesOf(workload: ResolvedWorkload): Readonly<Record<string, PolicyExplanation>> {
  const active = POLICIES.filter(key => key === 'tls' || !workload[key].off)
  return Object.fromEntries(active.map(key => [key, explainPolicy<object>(workload[key])]))
}
