/** What `selvage init` writes: a mesh of two services, small enough to read in a minute, that runs as it is. */

const MESH = `import { defineMesh } from 'selvage'

export default defineMesh({
  name: 'hello',
  services: {
    // Where each app listens. Callers dial port 80 of the service's name.
    web: { targetPort: 3000, calls: ['greeter'] },
    greeter: {
      targetPort: 3001,
      calls: [],
      workloads: { v1: {}, v2: {} },
      retry: { attempts: 2, on: ['5xx', 'reset'] },
    },
  },
  routes: [
    { service: 'greeter', match: { headers: { 'x-user-type': 'beta-tester' } }, to: 'greeter/v2' },
    { service: 'greeter', to: { 'greeter/v1': 90, 'greeter/v2': 10 } },
  ],
  access: [{ from: 'web', to: 'greeter', methods: ['GET'] }],
})
`

const WEB = `// Answers people; asks "greeter" through the mesh. PORT and GREETER_URL come from \`selvage dev\`.
import { createServer } from 'node:http'

const greeter = process.env.GREETER_URL

createServer(async (request, response) => {
  const tester = request.headers['x-user-type']
  try {
    const answer = await fetch(new URL(request.url, greeter), { headers: tester ? { 'x-user-type': tester } : {} })
    response.writeHead(answer.status, { 'content-type': 'text/plain' })
    response.end(await answer.text())
  } catch (error) {
    response.writeHead(502, { 'content-type': 'text/plain' })
    response.end(\`greeter did not answer: \${error.message}\\n\`)
  }
}).listen(process.env.PORT, '127.0.0.1')
`

const GREETER = `// One program, two workloads: \`selvage dev\` says which one this is.
import { createServer } from 'node:http'

createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.end(\`hello from \${process.env.SELVAGE_WORKLOAD}\\n\`)
}).listen(process.env.PORT, '127.0.0.1')
`

/** Files by name, in the order in which a reader wants them. */
export const FILES: Readonly<Record<string, string>> = {
  'mesh.ts': MESH,
  'web.mjs': WEB,
  'greeter.mjs': GREETER,
}

export const SCRIPTS: Readonly<Record<string, string>> = {
  'mesh:dev': 'selvage dev',
  'mesh:validate': 'selvage validate',
}

/** Commands that `selvage dev` starts, by workload. */
export const RUN: Readonly<Record<string, string>> = {
  web: 'node web.mjs',
  'greeter/v1': 'node greeter.mjs',
  'greeter/v2': 'node greeter.mjs',
}

export const IGNORED = '.selvage/'
