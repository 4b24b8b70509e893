/** The document, in fragments. */
import { acceptedSchema, etagOf, fragmentSchema, fragmentsSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import type { Precondition } from '../precondition.ts'
import { Refusal } from '../refusal.ts'
import {
  type ControlContext,
  createRoute,
  json,
  jsonBody,
  meshParam,
  type Router,
  refusals,
  z,
} from '../router.ts'
import type { StoredFragment } from '../store/store.ts'

const fragmentParam = meshParam.extend({
  fragment: z
    .string()
    .max(63)
    .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'expected lower-case letters, digits, "-" and "."')
    .openapi({ example: 'mesh' }),
})
const conditions = z.object({
  'if-match': z
    .string()
    .max(256)
    .optional()
    .openapi({ description: 'ETag of the fragment, or *; needed to change it.' }),
  'if-none-match': z.string().max(256).optional().openapi({ description: '*: only create.' }),
})
const documentSchema = z.record(z.string(), z.unknown()).openapi('MeshDocument', {
  description: 'A mesh document or a part of one; its JSON Schema is published as mesh.schema.json.',
})
const path = '/v1/meshes/{mesh}/fragments/{fragment}'
const etag = {
  etag: { description: 'Revision that last changed the fragment', schema: { type: 'string' } },
} as const

const list = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/fragments',
  summary: 'All fragments without their documents, and the address of every service',
  request: { params: meshParam },
  responses: { 200: json(fragmentsSchema, 'Fragments'), ...refusals },
})
const get = createRoute({
  method: 'get',
  path,
  summary: 'One fragment with its document',
  request: { params: fragmentParam },
  responses: { 200: { ...json(fragmentSchema, 'The fragment'), headers: etag }, ...refusals },
})
const put = createRoute({
  method: 'put',
  path,
  summary: 'Publish a fragment; the mesh as a whole is validated before anything is accepted',
  request: { params: fragmentParam, headers: conditions, body: jsonBody(documentSchema) },
  responses: { 200: { ...json(acceptedSchema, 'Accepted, or there already'), headers: etag }, ...refusals },
})
const remove = createRoute({
  method: 'delete',
  path,
  summary: 'Delete a fragment; succeeds also when it never was',
  request: { params: fragmentParam, headers: conditions },
  responses: { 200: json(acceptedSchema, 'Deleted, or not there'), ...refusals },
})

export function fragmentRoutes(app: Router, control: Control): void {
  const { mesh, models, publishing, audit } = control

  app.openapi(list, async c => {
    allow(c, 'read the mesh')
    const { revision, head, addresses } = await models.current()
    const fragments = [...(head?.fragments ?? [])].map(([name, stored]) => summaryOf(name, stored))
    return c.json({ mesh, revision, addresses: Object.fromEntries(addresses), fragments }, 200)
  })

  app.openapi(get, async c => {
    allow(c, 'read the mesh')
    const { fragment } = c.req.valid('param')
    const stored = (await models.current()).head?.fragments.get(fragment)
    if (stored === undefined) throw new Refusal('unknown-fragment', `there is no fragment "${fragment}"`)
    c.header('etag', etagOf(stored.revision))
    return c.json({ ...summaryOf(fragment, stored), document: models.documentOf(stored) }, 200)
  })

  app.openapi(put, async c => {
    const principal = allow(c, 'publish a fragment')
    const { fragment } = c.req.valid('param')
    const accepted = await publishing.put(principal, fragment, c.req.valid('json'), preconditionOf(c))
    if (accepted.changed) audit.done(c, 'fragment published', { fragment, revision: accepted.revision })
    const stored = (await models.current()).head?.fragments.get(fragment)
    if (stored !== undefined) c.header('etag', etagOf(stored.revision))
    return c.json(accepted, 200)
  })

  app.openapi(remove, async c => {
    const principal = allow(c, 'publish a fragment')
    const { fragment } = c.req.valid('param')
    const accepted = await publishing.delete(principal, fragment, preconditionOf(c))
    if (accepted.changed) audit.done(c, 'fragment deleted', { fragment, revision: accepted.revision })
    return c.json(accepted, 200)
  })
}

export const preconditionOf = (c: ControlContext): Precondition => ({
  ifMatch: c.req.header('if-match'),
  ifNoneMatch: c.req.header('if-none-match'),
})

const summaryOf = (fragment: string, { owner, revision, updatedAtMs }: StoredFragment) => ({
  fragment,
  owner,
  revision,
  updatedAt: new Date(updatedAtMs).toISOString(),
})
