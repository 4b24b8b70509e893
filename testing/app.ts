/** Apps of a test mesh: whatever answers requests, served on a free port of loopback. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'

/**
 * What stands behind a sidecar:
 * a listener as `node:http` has it, `(request, response) => response.end('hello')`;
 * something with a fetch handler, `{ fetch: request => new Response('hello') }`, such as a Hono app;
 * the port of an app that runs already.
 */
export type App = RequestListener | FetchApp | number

export interface FetchApp {
  fetch(request: Request): Response | Promise<Response>
}

export interface ServedApp {
  readonly port: number
  close(): Promise<void>
}

export async function serveApp(app: App): Promise<ServedApp> {
  if (typeof app === 'number') return { port: app, close: async () => undefined }
  const server = createServer(listenerOf(app))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listenerOf(app: RequestListener | FetchApp): RequestListener {
  if (typeof app === 'function') return app
  // Not the global Request and Response of the process that the tests run in.
  const listener = getRequestListener(request => app.fetch(request), { overrideGlobalObjects: false })
  return (request, response) => void listener(request, response)
}
