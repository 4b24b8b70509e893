/** Which authorities are trusted. Public: the first connection of a proxy pins one of them by its fingerprint. */
import { trustSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { createRoute, json, meshParam, type Router, refusals } from '../router.ts'

const route = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/trust',
  summary: 'The certificate authorities that are trusted now; public',
  request: { params: meshParam },
  responses: { 200: json(trustSchema, 'Roots, the one that signs first'), ...refusals },
})

export function trustRoute(app: Router, { authority }: Control): void {
  app.openapi(route, async c => {
    const roots = await authority.trust()
    const answer = {
      trustDomain: authority.trustDomain,
      roots: roots.map(({ certificate, sha256, notAfterMs, signing }) => ({
        certificate,
        sha256,
        notAfter: new Date(notAfterMs).toISOString(),
        signing,
      })),
    }
    return c.json(answer, 200)
  })
}
