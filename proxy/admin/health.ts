/** Health on a port of its own, with fixed paths: what orchestrators ask, and nothing else. */
import type { Listening } from '../listener/listen.ts'
import type { HostPort } from '../settings.ts'
import { type Reply, serveHttp, text } from './http-server.ts'

/** Whether the sidecar can carry its app's calls. */
export interface Readiness {
  readonly ready: boolean
  /** What is missing, one sentence each. */
  readonly reasons: readonly string[]
}

export const serveHealth = ({ host, port }: HostPort, readiness: () => Readiness): Promise<Listening> =>
  serveHttp({
    name: 'health',
    host,
    port,
    answer: ({ method }, path) => {
      const page = HEALTH_PAGES[path]
      if (page === undefined) return text(404, 'not found: /ready or /live\n')
      return method === 'GET' || method === 'HEAD'
        ? page(readiness())
        : text(405, 'GET only\n', { allow: 'GET, HEAD' })
    },
  })

/** `/ready` does not wait for the app: an app may wait for its sidecar. */
export const HEALTH_PAGES: Readonly<Record<string, (readiness: Readiness) => Reply>> = {
  '/live': () => text(200, 'live\n'),
  '/ready': ({ ready, reasons }) => (ready ? text(200, 'ready\n') : text(503, `${reasons.join('\n')}\n`)),
}
