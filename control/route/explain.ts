/** The decision about one request, as the proxies make it. */
import { explainResolved, UnknownName } from '../../mesh/explain.ts'
import type { Control } from '../control.ts'
import { allow } from '../permission.ts'
import { Refusal } from '../refusal.ts'
import { createRoute, json, meshParam, type Router, refusals, z } from '../router.ts'

const headerSchema = z
  .string()
  .max(8192)
  .regex(/^[^:\s]+:/, 'expected "name: value"')

const route = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/explain',
  summary: 'Which route a request would take, why, with which policies, and whether it would be let in',
  request: {
    params: meshParam,
    query: z.object({
      service: z.string().max(256).openapi({ description: 'The service that is dialled.' }),
      method: z.string().max(64).optional().openapi({ description: 'Default GET.' }),
      path: z.string().max(8192).optional().openapi({ description: 'With or without a query. Default /.' }),
      host: z.string().max(256).optional(),
      port: z.coerce.number().int().min(1).max(65_535).optional(),
      scheme: z.enum(['http', 'https']).optional(),
      source: z.string().max(256).optional().openapi({ description: 'The workload that calls.' }),
      header: z
        .union([headerSchema, z.array(headerSchema).max(100)])
        .optional()
        .openapi({ description: 'May be repeated.', example: 'x-user-type: beta-tester' }),
    }),
  },
  responses: {
    200: json(z.record(z.string(), z.unknown()).openapi('Explanation'), 'The decision and its reasons'),
    ...refusals,
  },
})

export function explainRoute(app: Router, { models }: Control): void {
  app.openapi(route, async c => {
    allow(c, 'read the mesh')
    const { header = [], ...asked } = c.req.valid('query')
    const { mesh } = await models.current()
    try {
      const explanation = explainResolved(mesh, { ...asked, headers: headersOf([header].flat()) })
      // As plain data: what is undefined is left out.
      return c.json(JSON.parse(JSON.stringify(explanation)), 200)
    } catch (error) {
      if (error instanceof UnknownName) throw new Refusal('unknown-name', error.message)
      throw error
    }
  })
}

/** Repeated fields are one, joined by a comma (RFC 9110 section 5.3). */
function headersOf(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    const value = field.slice(colon + 1).trim()
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value
  }
  return headers
}
