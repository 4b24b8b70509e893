/**
 * The decision about one request as data: every route considered and why it did or did not match, the backends and
 * their weights, each policy field and the level that it came from, the access verdict and the rule behind it. Made
 * by the matcher and the authoriser that the proxy runs.
 */
import type { Verdict } from './access.ts'
import { callableServices } from './compile.ts'
import type { ServiceName, TargetName } from './define.ts'
import type { MeshDocumentInput } from './document.ts'
import { authorise, type BackendExplanation, explainBackends } from './explain-backend.ts'
import { explainPolicy, type PolicyExplanation } from './explain-policy.ts'
import { type ExplainedRequest, type ExplainRequest, readRequest, UnknownName } from './explain-request.ts'
import { explainRoutes, type RouteExplanation } from './explain-route.ts'
import type { RequestView } from './match.ts'
import { type ResolvedMesh, type ResolvedService, resolve } from './resolve.ts'
import type { ResolvedRoute } from './resolve-routes.ts'
import { compileRoutes } from './route-index.ts'
import { validate } from './validate.ts'
import { InvalidMesh } from './violation.ts'

/** What becomes of the request, before any endpoint is asked. `status` and `flag` are those of the proxy. */
export type Outcome =
  | { readonly kind: 'forwarded'; readonly reason: string }
  | { readonly kind: 'refused'; readonly status: number; readonly flag: string; readonly reason: string }

export { type ExplainedRequest, type ExplainRequest, UnknownName } from './explain-request.ts'

export interface Explanation {
  readonly request: ExplainedRequest
  readonly outcome: Outcome
  /** What the caller's proxies know of: the services under `calls`. */
  readonly scope: { readonly calls: readonly string[] | 'all'; readonly included: boolean }
  /** Every route of the service, in the order in which they are asked. */
  readonly routes: readonly RouteExplanation[]
  /** The route taken; undefined: none. `fallback`: the service has no routes. */
  readonly route: { readonly key: string; readonly place: string } | undefined
  /** Where requests of that route go, each with its share, policies and access verdict. */
  readonly backends: readonly BackendExplanation[]
  /** Of the route taken. */
  readonly policies: {
    readonly retry?: PolicyExplanation
    readonly retryBudget?: PolicyExplanation
    readonly timeout?: PolicyExplanation
    readonly outlierDetection?: PolicyExplanation
  }
  /** The verdict of the backends; when they differ, the first refusal. */
  readonly access: Verdict
}

/**
 * Explains one request to a mesh.
 *
 * @throws InvalidMesh when the document has violations, and UnknownName when it lacks the service, port or source.
 */
export function explain<Document extends MeshDocumentInput>(
  document: Document,
  request: ExplainRequest<ServiceName<Document>, TargetName<Document>>,
): Explanation {
  const checked = validate(document)
  if (!checked.ok) throw new InvalidMesh(checked.violations)
  return explainResolved(resolve(checked.document), request)
}

/** The same for a document that was validated and resolved already. @throws UnknownName */
export function explainResolved(mesh: ResolvedMesh, asked: ExplainRequest): Explanation {
  const service = mesh.services.get(asked.service)
  if (service === undefined) throw new UnknownName('service', asked.service, mesh.services.keys())
  const { request, view } = readRequest(mesh, service, asked)
  const taken = takenRoute(service, request, view)
  const backends = taken === undefined ? [] : explainBackends(mesh, service, taken, request, view)
  const access = accessOf(mesh, service, backends, request, view)
  const scope = scopeOf(mesh, service, request)
  return {
    request,
    outcome: outcomeOf(request, scope.included, taken, backends, access),
    scope,
    routes: explainRoutes(service, taken, view),
    route: taken && { key: taken.route.key, place: placeOf(taken) },
    backends,
    policies: taken === undefined ? {} : policiesOf(service, taken),
    access,
  }
}

/** `routes[2]`, or `fallback`. */
export const placeOf = ({ index }: ResolvedRoute): string =>
  index === undefined ? 'fallback' : `routes[${index}]`

function takenRoute(
  service: ResolvedService,
  request: ExplainedRequest,
  view: RequestView,
): ResolvedRoute | undefined {
  if (request.normalisedPath === undefined) return undefined
  if (service.routes.length === 0) return service.fallback
  const index = compileRoutes(service.routes.map(({ route }) => route))
  const found =
    request.protocol === 'tcp' ? index.findForConnection(view.port, view.source) : index.find(view)
  return service.routes.find(({ route }) => route === found)
}

function scopeOf(
  mesh: ResolvedMesh,
  service: ResolvedService,
  { source, port }: ExplainedRequest,
): Explanation['scope'] {
  const workload = source === undefined ? undefined : mesh.workloads.get(source)
  if (workload === undefined) return { calls: 'all', included: true }
  const callable = callableServices(mesh, workload).find(one => one.service === service)
  const included = callable?.ports.some(one => one.port === port) ?? false
  return { calls: workload.calls === undefined ? 'all' : [...workload.calls], included }
}

/** Without a backend, of every workload of the service: what would be said if the request came that far. */
function accessOf(
  mesh: ResolvedMesh,
  service: ResolvedService,
  backends: readonly BackendExplanation[],
  request: ExplainedRequest,
  view: RequestView,
): Verdict {
  const drawn = backends.flatMap(({ access, weight }) =>
    access === undefined || weight === 0 ? [] : [access],
  )
  const verdicts =
    drawn.length > 0
      ? drawn
      : service.workloads.map(name => authorise(mesh, name, service.name, request, view))
  return verdicts.find(({ allowed }) => !allowed) ?? verdicts[0]!
}

function policiesOf(
  service: ResolvedService,
  { retry, timeout, outlierDetection }: ResolvedRoute,
): Explanation['policies'] {
  return {
    retry: explainPolicy(retry),
    retryBudget: explainPolicy(service.retryBudget),
    timeout: explainPolicy(timeout),
    ...(outlierDetection !== undefined && { outlierDetection: explainPolicy(outlierDetection) }),
  }
}

function outcomeOf(
  { service, source, normalisedPath }: ExplainedRequest,
  inScope: boolean,
  taken: ResolvedRoute | undefined,
  backends: readonly BackendExplanation[],
  access: Verdict,
): Outcome {
  if (normalisedPath === undefined) return refused(400, 'DPE', 'the path holds a NUL')
  if (!inScope) return refused(404, 'NR', `"${service}" is not among what "${source}" calls`)
  if (taken === undefined) return refused(404, 'NR', `no route of "${service}" matches`)
  const drawn = backends.filter(({ weight }) => weight > 0)
  if (!drawn.some(({ workload }) => workload !== undefined))
    return refused(500, 'NC', 'the route has no backend')
  if (drawn.every(backend => backend.access?.allowed !== true)) return refused(403, 'UAEX', access.reason)
  return { kind: 'forwarded', reason: `by ${placeOf(taken)}` }
}

const refused = (status: number, flag: string, reason: string): Outcome => ({
  kind: 'refused',
  status,
  flag,
  reason,
})
