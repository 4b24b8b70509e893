/** Registration of endpoints under leases; the proxy's report rides on the renewal. */
import { registeredSchema, registrationSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allowWorkload } from '../permission.ts'
import { Refusal } from '../refusal.ts'
import { createRoute, json, jsonBody, type Router, refusals, workloadParam, z } from '../router.ts'
import { requireWorkload } from './snapshot.ts'

export const endpointIdSchema = z
  .string()
  .regex(/^[\w.:-]{1,128}$/, 'expected 1 to 128 letters, digits, "_", "-", "." and ":"')
  .openapi({ example: 'payments-v1-7f9c' })

const path = '/v1/meshes/{mesh}/workloads/{workload}/endpoints/{id}'
const params = workloadParam.extend({ id: endpointIdSchema })

const register = createRoute({
  method: 'put',
  path,
  summary: 'Register an endpoint of the workload itself, or renew its lease',
  request: { params, body: jsonBody(registrationSchema) },
  responses: { 200: json(registeredSchema, 'Registered for this long'), ...refusals },
})
const deregister = createRoute({
  method: 'delete',
  path,
  summary: 'Deregister an endpoint; succeeds also when it never was',
  request: { params },
  responses: { 204: { description: 'Gone' }, ...refusals },
})

/** As Cloud Map has it; a workload that invents ids is stopped here. */
const MAX_ENDPOINTS = 1000

export function endpointRoutes(app: Router, control: Control): void {
  const { registry, reports } = control

  app.openapi(register, async c => {
    const { workload, id } = c.req.valid('param')
    allowWorkload(c, workload, 'endpoints')
    await requireWorkload(control, workload)
    const registration = c.req.valid('json')
    const leases = registry.leasesOf(workload)
    if (leases.length >= MAX_ENDPOINTS && !leases.some(lease => lease.id === id)) {
      throw new Refusal(
        'too-many-endpoints',
        `${workload} has ${MAX_ENDPOINTS} endpoints, which is the limit`,
      )
    }
    await registry.register(workload, id, registration)
    if (registration.report !== undefined) reports.save(workload, id, registration.report)
    return c.json({ leaseSeconds: registration.leaseSeconds }, 200)
  })

  app.openapi(deregister, async c => {
    const { workload, id } = c.req.valid('param')
    allowWorkload(c, workload, 'endpoints')
    await registry.deregister(workload, id)
    reports.drop(workload, id)
    return c.body(null, 204)
  })
}
