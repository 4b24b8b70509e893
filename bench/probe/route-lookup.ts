/**
 * `node route-lookup.ts <rounds> <routes>`: CPU microseconds of finding one route, once for each round. The path
 * asked for changes with every look-up, so that nothing can remember the last answer.
 */

import type { RequestView } from '../../mesh/match.ts'
import { resolve } from '../../mesh/resolve.ts'
import { compileRoutes } from '../../mesh/route-index.ts'
import { benchDocument, CALLED_WORKLOAD, routePath, SERVICE_PORT } from '../document.ts'
import { microsPerCall } from './micros-per-call.ts'

const [rounds, routeCount] = process.argv.slice(2).map(Number) as [number, number]
const mesh = resolve(benchDocument('one-hop', SERVICE_PORT, routeCount))
const routes = mesh.services.get(CALLED_WORKLOAD)?.routes.map(({ route }) => route) ?? []
const index = compileRoutes(routes)

const requests = Array.from(
  { length: 1024 },
  (_, place): RequestView => ({
    method: 'GET',
    host: CALLED_WORKLOAD,
    path: routePath((place * 7919) % routeCount),
    query: '',
    scheme: 'http',
    port: SERVICE_PORT,
    source: undefined,
    header: () => undefined,
  }),
)
for (const request of requests) {
  const found = index.find(request)?.match.path
  const expected = request.path.slice(0, request.path.lastIndexOf('/'))
  if (found === undefined || !('prefix' in found) || found.prefix !== expected) {
    throw new Error(`${request.path} found ${JSON.stringify(found)}, expected prefix ${expected}`)
  }
}

let next = 0
const micros = microsPerCall(rounds, () => {
  next = (next + 1) & 1023
  index.find(requests[next] as RequestView)
})
process.stdout.write(JSON.stringify(micros))
