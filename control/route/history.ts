/** What was published when and by whom, and the way back. */
import { acceptedSchema, historySchema, restoreRequestSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import { createRoute, json, jsonBody, meshParam, type Router, refusals, z } from '../router.ts'
import { HISTORY_LIMIT } from '../store/store.ts'
import { preconditionOf } from './fragment.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/history',
  summary: 'Revisions that are kept, newest first',
  request: {
    params: meshParam,
    query: z.object({ limit: z.coerce.number().int().min(1).max(HISTORY_LIMIT).default(HISTORY_LIMIT) }),
  },
  responses: { 200: json(historySchema, 'Revisions'), ...refusals },
})
const restore = createRoute({
  method: 'post',
  path: '/v1/meshes/{mesh}/restore',
  summary: 'Make a new revision with the fragments of an old one',
  request: { params: meshParam, body: jsonBody(restoreRequestSchema) },
  responses: { 200: json(acceptedSchema, 'Restored, or the same already'), ...refusals },
})

export function historyRoutes(app: Router, { mesh, store, publishing, audit }: Control): void {
  app.openapi(list, async c => {
    allow(c, 'read the mesh')
    const revisions = await store.history(mesh, c.req.valid('query').limit)
    const entries = revisions.map(({ atMs, ...entry }) => ({ ...entry, at: new Date(atMs).toISOString() }))
    return c.json({ mesh, entries }, 200)
  })

  app.openapi(restore, async c => {
    const principal = allow(c, 'restore a revision')
    const { revision } = c.req.valid('json')
    const accepted = await publishing.restore(principal, revision, preconditionOf(c))
    if (accepted.changed)
      audit.done(c, 'revision restored', { restored: revision, revision: accepted.revision })
    return c.json(accepted, 200)
  })
}
