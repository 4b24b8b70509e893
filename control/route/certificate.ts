/** A CSR in, leaf and trust out. The proven identity decides the name, never the CSR. */
import { certificateRequestSchema, issuedCertificateSchema, workloadId } from '../../mesh/protocol.ts'
import { publicKeyOfCsr } from '../authority/csr.ts'
import type { Control } from '../control.ts'
import { allowCertificate } from '../permission.ts'
import { Refusal } from '../refusal.ts'
import { createRoute, json, jsonBody, type Router, refusals, workloadParam } from '../router.ts'
import { requireWorkload } from './snapshot.ts'

const route = createRoute({
  method: 'post',
  path: '/v1/meshes/{mesh}/workloads/{workload}/certificate',
  summary: 'A certificate for the workload itself, by join token the first time and by mTLS from then on',
  request: { params: workloadParam, body: jsonBody(certificateRequestSchema) },
  responses: { 200: json(issuedCertificateSchema, 'The certificate and the roots to trust'), ...refusals },
})

export function certificateRoute(app: Router, control: Control): void {
  const { authority, certificateTtlSeconds, joinTokens, audit } = control
  app.openapi(route, async c => {
    const { workload } = c.req.valid('param')
    const principal = allowCertificate(c, workload)
    await requireWorkload(control, workload)
    const { csr } = c.req.valid('json')
    // A CSR that cannot be signed must not use the token up.
    await publicKeyOfCsr(csr)
    if (principal.kind === 'join' && !(await joinTokens.consume(principal.tokenId))) {
      throw new Refusal(
        'unauthenticated',
        `join token ${principal.tokenId} was used by somebody else just now`,
      )
    }
    const spiffeId = workloadId(authority.trustDomain, workload)
    const issued = await authority.issue(csr, { spiffeId }, certificateTtlSeconds)
    const notAfter = new Date(issued.notAfterMs).toISOString()
    audit.done(c, 'certificate issued', { spiffeId, notAfter })
    const answer = {
      certificate: issued.certificate,
      trustBundle: (await authority.trust()).map(root => root.certificate),
      spiffeId,
      notBefore: new Date(issued.notBeforeMs).toISOString(),
      notAfter,
    }
    return c.json(answer, 200)
  })
}
