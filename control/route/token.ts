/** Tokens: for sidecars that join, and for those who publish. */
import {
  joinTokenIssuedSchema,
  joinTokenRequestSchema,
  publishTokenIssuedSchema,
  publishTokenRequestSchema,
  publishTokensSchema,
} from '../../mesh/protocol.ts'
import type { PublishToken } from '../caller/publish-token.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import { createRoute, json, jsonBody, meshParam, type Router, refusals, z } from '../router.ts'
import { requireWorkload } from './snapshot.ts'

const issueJoin = createRoute({
  method: 'post',
  path: '/v1/meshes/{mesh}/join-tokens',
  summary: 'A token for the first certificate of one sidecar; single use',
  request: { params: meshParam, body: jsonBody(joinTokenRequestSchema) },
  responses: { 201: json(joinTokenIssuedSchema, 'The token, shown once'), ...refusals },
})
const issuePublish = createRoute({
  method: 'post',
  path: '/v1/meshes/{mesh}/publish-tokens',
  summary: 'A token for publishing fragments that define only the given services',
  request: { params: meshParam, body: jsonBody(publishTokenRequestSchema) },
  responses: { 201: json(publishTokenIssuedSchema, 'The token, shown once'), ...refusals },
})
const listPublish = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/publish-tokens',
  summary: 'Publish tokens that are good, without their secrets',
  request: { params: meshParam },
  responses: { 200: json(publishTokensSchema, 'Tokens'), ...refusals },
})
const revokePublish = createRoute({
  method: 'delete',
  path: '/v1/meshes/{mesh}/publish-tokens/{id}',
  summary: 'Revoke a publish token; succeeds also when it never was',
  request: { params: meshParam.extend({ id: z.string().max(64) }) },
  responses: { 204: { description: 'Gone' }, ...refusals },
})

export function tokenRoutes(app: Router, control: Control): void {
  const { publishTokens, audit, clock } = control

  app.openapi(issueJoin, async c => {
    allow(c, 'issue tokens')
    const { workload, ttlSeconds } = c.req.valid('json')
    const { token, expiresAtMs } = await issueJoinToken(control, workload, ttlSeconds)
    const expiresAt = new Date(expiresAtMs).toISOString()
    audit.done(c, 'join token issued', { workload, expiresAt })
    return c.json({ token, workload, expiresAt }, 201)
  })

  app.openapi(issuePublish, async c => {
    allow(c, 'issue tokens')
    const { name, services, ttlSeconds } = c.req.valid('json')
    const issued = await publishTokens.issue(name, services, ttlSeconds)
    audit.done(c, 'publish token issued', { tokenId: issued.id, name, services })
    return c.json({ ...shown(issued), token: issued.token }, 201)
  })

  app.openapi(listPublish, async c => {
    allow(c, 'issue tokens')
    const tokens = (await publishTokens.list()).filter(token => token.expiresAtMs > clock.now())
    return c.json({ tokens: tokens.map(shown) }, 200)
  })

  app.openapi(revokePublish, async c => {
    allow(c, 'issue tokens')
    const { id } = c.req.valid('param')
    await publishTokens.revoke(id)
    audit.done(c, 'publish token revoked', { tokenId: id })
    return c.body(null, 204)
  })
}

/** Pinned to the root that signs now; a token for a workload that is not there would only fail later. */
export async function issueJoinToken(control: Control, workload: string, ttlSeconds: number) {
  await requireWorkload(control, workload)
  const [signing] = await control.authority.trust()
  return control.joinTokens.issue(workload, ttlSeconds, signing?.sha256 ?? '')
}

const shown = ({ id, name, services, expiresAtMs }: PublishToken) => ({
  id,
  name,
  services: [...services],
  expiresAt: new Date(expiresAtMs).toISOString(),
})
