/** The control API: a value that a test calls without a socket, and each host wraps thinly. */
import { HTTPException } from 'hono/http-exception'
import { CsrRefused } from './authority/authority.ts'
import type { Control } from './control.ts'
import { Deregistered } from './discovery/registry.ts'
import { jsonOnly, limitBody } from './limits.ts'
import { Refusal } from './refusal.ts'
import { certificateRoute } from './route/certificate.ts'
import { endpointRoutes } from './route/endpoint.ts'
import { explainRoute } from './route/explain.ts'
import { fragmentRoutes } from './route/fragment.ts'
import { hintsRoute } from './route/hints.ts'
import { historyRoutes } from './route/history.ts'
import { openapiRoute } from './route/openapi.ts'
import { planRoute } from './route/plan.ts'
import { snapshotRoutes } from './route/snapshot.ts'
import { statusRoute } from './route/status.ts'
import { tokenRoutes } from './route/token.ts'
import { topologyRoute } from './route/topology.ts'
import { trustRoute } from './route/trust.ts'
import { type ControlContext, type Router, router } from './router.ts'
import { FragmentTooLarge } from './store/store.ts'

/** Open to everybody: certificates of authorities and the contract are public. */
const PUBLIC: readonly Mount[] = [trustRoute, openapiRoute]

const PROVEN: readonly Mount[] = [
  fragmentRoutes,
  historyRoutes,
  planRoute,
  snapshotRoutes,
  hintsRoute,
  certificateRoute,
  endpointRoutes,
  tokenRoutes,
  statusRoute,
  topologyRoute,
  explainRoute,
]

type Mount = (app: Router, control: Control) => void

export function createApp(control: Control): Router {
  const app = router()
  app.onError((error, c) => refuse(control, c, error))
  app.notFound(c => refuse(control, c, new Refusal('not-found', `there is no ${c.req.method} ${c.req.path}`)))
  app.use('/v1/meshes/:mesh/*', async (c, next) => {
    const mesh = c.req.param('mesh')
    if (mesh !== control.mesh) {
      throw new Refusal(
        'unknown-mesh',
        `found mesh "${mesh}", and this control plane serves "${control.mesh}"`,
      )
    }
    await next()
  })
  for (const mount of PUBLIC) mount(app, control)

  // From here on nothing runs before it is known who calls.
  app.use(async (c, next) => {
    await authenticate(control, c)
    await next()
  })
  app.use(limitBody)
  app.use(jsonOnly)
  for (const mount of PROVEN) mount(app, control)
  return app
}

async function authenticate(control: Control, c: ControlContext): Promise<void> {
  const authorization = c.req.header('authorization')
  const certificate = c.env?.certificate
  const verdict = await control.caller.prove({ authorization, certificate })
  if (verdict.kind === 'refused') throw new Refusal('unauthenticated', verdict.reason)
  if (verdict.kind === 'absent') {
    throw new Refusal(
      'unauthenticated',
      'the request has no credentials; expected a client certificate of this mesh, or Authorization: Bearer and a token',
    )
  }
  c.set('principal', verdict.principal)
}

/** The only place where an error becomes an answer. */
function refuse(control: Control, c: ControlContext, error: unknown): Response {
  const refusal = refusalOf(error)
  if (refusal.code === 'internal') control.log.error({ err: error, path: c.req.path }, 'a request failed')
  if (refusal.status === 401 || refusal.status === 403) control.audit.refused(c, refusal)
  const headers = {
    'content-type': 'application/problem+json',
    // RFC 9110 section 15.5.2.
    ...(refusal.status === 401 && { 'www-authenticate': 'Bearer' }),
  }
  return c.body(JSON.stringify(refusal.toProblem()), refusal.status, headers)
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof CsrRefused) return new Refusal('csr-refused', error.message)
  if (error instanceof Deregistered) return new Refusal('deregistered', error.message)
  if (error instanceof FragmentTooLarge) return new Refusal('too-large', error.message)
  // Of Hono: a body that is no JSON.
  if (error instanceof HTTPException && error.status < 500) return new Refusal('bad-request', error.message)
  return new Refusal('internal', 'the control plane failed; its log says why')
}
