/** How every proxy is doing: what it enforces, and what it should. */
import { etagValue, type ProxyStatus, type Status, statusSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import type { Lease } from '../discovery/registry.ts'
import { allow } from '../permission.ts'
import type { KeptReport } from '../reports.ts'
import { createRoute, json, meshParam, type Router, refusals } from '../router.ts'
import { slices } from '../slices.ts'

const route = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/status',
  summary: 'Every workload with its proxies: leases, reports, what they enforce and what is wanted',
  request: { params: meshParam },
  responses: { 200: json(statusSchema, 'Status'), ...refusals },
})

export function statusRoute(app: Router, control: Control): void {
  app.openapi(route, async c => {
    allow(c, 'read the mesh')
    return c.json(await statusOf(control), 200)
  })
}

async function statusOf(control: Control): Promise<Status> {
  const { mesh, models, parts, registry, reports, clock } = control
  const model = await models.current()
  const breathe = slices(clock)
  const workloads: Status['workloads'] = []
  for (const { name, services } of model.mesh.workloads.values()) {
    const config = parts.config(model, name)?.hash ?? ''
    const endpoints = parts.endpoints(model, name)?.hash ?? ''
    const wanted = { config, endpoints }
    const leases = new Map(registry.leasesOf(name).map(lease => [lease.id, lease]))
    const reported = reports.of(name)
    const ids = [...new Set([...leases.keys(), ...reported.keys()])].sort()
    const proxies = ids.map(id => proxyStatus(control, id, leases.get(id), reported.get(id), wanted))
    workloads.push({ workload: name, services: [...services], wanted, proxies })
    await breathe()
  }
  return { mesh, revision: model.revision, at: iso(clock.now()), workloads }
}

function proxyStatus(
  { clock }: Control,
  id: string,
  lease: Lease | undefined,
  kept: KeptReport | undefined,
  wanted: { readonly config: string; readonly endpoints: string },
): ProxyStatus {
  const { address, port, zone, version, health } = lease?.registration ?? {}
  const report = kept?.report
  const config = report?.configHash === undefined ? undefined : etagValue(report.configHash)
  const endpoints = report?.endpointsHash === undefined ? undefined : etagValue(report.endpointsHash)
  return withoutAbsent({
    id,
    address,
    port,
    zone,
    version: version ?? report?.version,
    health,
    leaseEndsAt: lease && iso(clock.now() + lease.endsMs - clock.monotonic()),
    reportedAt: kept && iso(kept.atMs),
    ready: report?.ready,
    config,
    endpoints,
    inSync: config === wanted.config && endpoints === wanted.endpoints && report?.refused === undefined,
    refused: report?.refused,
    certificateNotAfter: report?.certificateNotAfter,
  })
}

const iso = (ms: number): string => new Date(ms).toISOString()

type Given<T> = { [Key in keyof T]: Exclude<T[Key], undefined> }

/** Optional keys that are absent, not undefined. */
const withoutAbsent = <T extends object>(value: T): Given<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Given<T>
