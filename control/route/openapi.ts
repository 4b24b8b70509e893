/** The contract, as a document that tools read. */
import type { Router } from '../router.ts'

export function openapiRoute(app: Router): void {
  app.doc31('/v1/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Selvage control API',
      version: '1',
      description:
        'Callers prove themselves by a client certificate of the mesh or by a bearer token (join, publish, operator). ' +
        'Names in paths are percent-encoded: the workload payments/v1 is payments%2Fv1.',
    },
  })
}
