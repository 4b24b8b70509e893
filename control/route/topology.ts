/** What the mesh consists of and who calls whom, from the document. */
import { topologySchema, workloadId } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import { createRoute, json, meshParam, type Router, refusals } from '../router.ts'

const route = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/topology',
  summary: 'Services, workloads and the calls between them',
  request: { params: meshParam },
  responses: { 200: json(topologySchema, 'Topology'), ...refusals },
})

export function topologyRoute(app: Router, { mesh, models, endpoints }: Control): void {
  app.openapi(route, async c => {
    allow(c, 'read the mesh')
    const { revision, mesh: resolved, addresses } = await models.current()
    const services = [...resolved.services.values()].map(({ name, hosts, workloads }) => {
      const address = addresses.get(name)
      const known = address === undefined ? undefined : { address }
      return { service: name, hosts: [...hosts], ...known, workloads: [...workloads] }
    })
    const workloads = [...resolved.workloads.values()].map(({ name, services: behind, calls }) => {
      const known = endpoints.of(name)
      return {
        workload: name,
        identity: workloadId(resolved.trustDomain, name),
        services: [...behind],
        ...(known && { endpoints: known.length }),
        callsAll: calls === undefined,
      }
    })
    const edges = [...resolved.workloads.values()].flatMap(({ name, calls }) =>
      [...(calls ?? [])].map(to => ({ from: name, to })),
    )
    return c.json({ mesh, revision, services, workloads, edges }, 200)
  })
}
