/** What a proposed fragment would change, without changing it. */
import { planRequestSchema, planSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import { affectedWorkloads, diffRoutes, diffServices } from '../plan.ts'
import { Refusal } from '../refusal.ts'
import { createRoute, json, jsonBody, meshParam, type Router, refusals } from '../router.ts'

const route = createRoute({
  method: 'post',
  path: '/v1/meshes/{mesh}/plan',
  summary: 'Violations, changed routes and affected workloads of a proposed fragment, or of its deletion',
  request: { params: meshParam, body: jsonBody(planRequestSchema) },
  responses: { 200: json(planSchema, 'The plan'), ...refusals },
})

export function planRoute(app: Router, { mesh, models, publishing, clock }: Control): void {
  app.openapi(route, async c => {
    const principal = allow(c, 'publish a fragment')
    const { fragment, document } = c.req.valid('json')
    try {
      const { before, after, warnings } = await publishing.propose(principal, fragment, document)
      const plan = {
        mesh,
        revision: before.revision,
        violations: [],
        warnings: [...warnings],
        services: diffServices(before, after),
        routes: diffRoutes(before, after),
        workloads: await affectedWorkloads(before, after, clock),
      }
      return c.json(plan, 200)
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 422) throw error
      const violations = error.details.violations ?? [{ path: '', message: error.message }]
      const { revision } = await models.current()
      const nothing = { warnings: [], services: { added: [], removed: [] }, routes: [], workloads: [] }
      return c.json({ mesh, revision, violations: [...violations], ...nothing }, 200)
    }
  })
}
