/** A proxy's snapshot in its two parts, each by its own ETag. */
import { etagOf, HEADER_ENDPOINT, HEADER_REPORT, proxyReportSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import type { Model } from '../model.ts'
import { allowWorkload } from '../permission.ts'
import { notModified } from '../precondition.ts'
import { Refusal } from '../refusal.ts'
import { type ControlContext, createRoute, type Router, refusals, workloadParam, z } from '../router.ts'
import { endpointIdSchema } from './endpoint.ts'

const headers = z.object({
  'if-none-match': z.string().max(256).optional(),
  [HEADER_REPORT]: z.string().max(8192).optional().openapi({ description: 'JSON of a proxy report.' }),
  [HEADER_ENDPOINT]: endpointIdSchema.optional().openapi({ description: 'Who reports.' }),
})

const part = (name: 'config' | 'endpoints') =>
  createRoute({
    method: 'get',
    path: `/v1/meshes/{mesh}/workloads/{workload}/snapshot/${name}`,
    summary: `The ${name} part of the workload's snapshot`,
    request: { params: workloadParam, headers },
    responses: {
      200: {
        description: 'The part as it is now',
        content: {
          'application/json': { schema: z.record(z.string(), z.unknown()).openapi(`Snapshot ${name}`) },
        },
        headers: { etag: { description: 'Its hash', schema: { type: 'string' } } },
      },
      304: { description: 'It is what the caller has' },
      ...refusals,
    },
  })

export function snapshotRoutes(app: Router, control: Control): void {
  for (const name of ['config', 'endpoints'] as const) {
    app.openapi(part(name), async c => {
      const { workload } = c.req.valid('param')
      allowWorkload(c, workload, 'snapshot')
      takeReport(control, c, workload)
      const model = await requireWorkload(control, workload)
      const found = control.parts[name](model, workload)
      if (found === undefined) throw unknownWorkload(control.mesh, workload)
      const etag = etagOf(found.hash)
      if (notModified(c.req.header('if-none-match'), found.hash)) return c.body(null, 304, { etag })
      return c.body(found.json, 200, {
        'content-type': 'application/json',
        'cache-control': 'no-cache',
        etag,
      })
    })
  }
}

/** The model, which has this workload. @throws Refusal */
export async function requireWorkload(control: Control, workload: string): Promise<Model> {
  const model = await control.models.current()
  if (model.mesh.workloads.has(workload)) return model
  throw unknownWorkload(control.mesh, workload)
}

const unknownWorkload = (mesh: string, workload: string): Refusal =>
  new Refusal('unknown-workload', `mesh "${mesh}" has no workload "${workload}"`)

function takeReport(control: Control, c: ControlContext, workload: string): void {
  const text = c.req.header(HEADER_REPORT)
  if (text === undefined) return
  const id = c.req.header(HEADER_ENDPOINT)
  if (id === undefined)
    throw new Refusal('bad-request', `${HEADER_REPORT} needs ${HEADER_ENDPOINT} beside it`)
  const report = proxyReportSchema.safeParse(parseJson(text))
  if (!report.success) {
    const { path, message } = report.error.issues[0]!
    throw new Refusal('bad-request', `${HEADER_REPORT}: ${[...path, message].join(': ')}`)
  }
  control.reports.save(workload, id, report.data)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
