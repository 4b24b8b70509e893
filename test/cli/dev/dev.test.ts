import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { freePort, project, type Running, selvage, selvageJson, start } from '../project.ts'

/** Generous: sidecars, apps and their callers find each other sooner, and a busy machine takes its time. */
const READY_MS = 60_000

interface Overview {
  readonly mesh: string
  readonly control: string
  readonly interception: string
  readonly workloads: readonly {
    readonly workload: string
    readonly instance: string
    readonly app: readonly { readonly targetPort: number; readonly port: number }[]
    readonly calls: readonly { readonly service: string; readonly port: number; readonly url: string }[]
    readonly httpProxy: string
    readonly admin: string
  }[]
}

/** Starts `dev` and waits until it says where everything is. */
async function dev(folder: string, ...args: string[]) {
  const running = start(folder, ['dev', '--json', ...args])
  const overview = await vi.waitFor(() => JSON.parse(running.stdout()) as Overview, { timeout: READY_MS })
  const of = (workload: string) => overview.workloads.find(each => each.workload === workload)!
  const urlOf = (from: string, service: string) => of(from).calls.find(call => call.service === service)!.url
  return { running, overview, of, urlOf }
}

/** A first mesh as `selvage init` writes it, on ports that nobody else uses. */
async function initialised(): Promise<string> {
  const folder = project()
  expect((await selvage(folder, 'init')).code).toBe(0)
  const [web, greeter] = [await freePort(), await freePort()]
  rewrite(folder, text => text.replace('3000', String(web)).replace('3001', String(greeter)))
  return folder
}

function rewrite(folder: string, change: (text: string) => string): void {
  const file = join(folder, 'mesh.ts')
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}

async function interrupt(running: Running) {
  running.child.kill('SIGINT')
  return running.ended
}

const isOpen = (url: string) =>
  new Promise<boolean>(resolve => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Retries while apps are still coming up. */
const get = (url: string, headers: Record<string, string> = {}) =>
  vi.waitFor(
    async () => {
      const response = await fetch(url, { headers })
      const text = await response.text()
      expect(response.status, text).toBe(200)
      return text
    },
    { timeout: READY_MS, interval: 100 },
  )

describe('selvage dev', { timeout: 240_000 }, () => {
  it('runs what init wrote as it is: requests go from app to app through the mesh', async () => {
    const folder = await initialised()
    const { of, running, overview } = await dev(folder)
    const web = `http://127.0.0.1:${of('web').app[0]!.port}/`
    expect(await get(web, { 'x-user-type': 'beta-tester' })).toBe('hello from greeter/v2\n')
    expect(await get(web)).toMatch(/^hello from greeter\/v[12]\n$/)
    expect(overview.workloads.map(({ workload }) => workload)).toEqual(['web', 'greeter/v1', 'greeter/v2'])

    expect(
      (await selvageJson(folder, 'status')).json.workloads.flatMap(
        (each: { proxies: unknown[] }) => each.proxies,
      ),
    ).toHaveLength(3)
    expect((await selvage(folder, 'check')).code).toBe(0)
    expect(statSync(join(folder, '.selvage')).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, '.selvage/operator.json')).mode & 0o777).toBe(0o600)

    const urls = [overview.control, web, of('web').admin, of('greeter/v1').admin]
    for (const url of urls) expect(await isOpen(url)).toBe(true)
    const ended = await interrupt(running)
    expect(ended.code).toBe(0)
    for (const url of urls) expect(await isOpen(url)).toBe(false)
    expect((await selvage(folder, 'check')).code).toBe(3)
    expect((await selvage(folder, 'status')).code).toBe(3)
  })

  it('reloads when the file changes, and keeps the old document when the new one is wrong', async () => {
    const folder = await initialised()
    const { running, of } = await dev(folder)
    const web = `http://127.0.0.1:${of('web').app[0]!.port}/`
    await get(web)

    rewrite(folder, text =>
      text.replace("'greeter/v1': 90, 'greeter/v2': 10", "'greeter/v1': 0, 'greeter/v3': 10"),
    )
    await vi.waitFor(() => expect(running.stderr()).toContain('the mesh goes on with what it had before'), {
      timeout: READY_MS,
    })
    expect(running.stderr()).toMatch(/routes\[1\]\.to\["greeter\/v3"\]: .*did you mean/)
    await get(web)

    rewrite(folder, text => text.replace("'greeter/v3'", "'greeter/v2'"))
    await vi.waitFor(
      () => expect(running.stderr()).toMatch(/mesh\.ts has changed: revision 2 is in force after \d+ ms/),
      { timeout: READY_MS },
    )
    for (let request = 0; request < 10; request++) expect(await get(web)).toBe('hello from greeter/v2\n')
  })

  it('starts and ends sidecars and apps as workloads come and go', async () => {
    const folder = await initialised()
    const { running, of } = await dev(folder)
    const gone = of('greeter/v1').admin
    rewrite(folder, text =>
      text.replace('v1: {}, v2: {}', 'v2: {}, v3: {}').replaceAll('greeter/v1', 'greeter/v3'),
    )
    await vi.waitFor(() => expect(running.stderr()).toContain('revision 2 is in force'), {
      timeout: READY_MS,
    })
    expect(await isOpen(gone)).toBe(false)
    const { json } = await selvageJson(folder, 'status')
    expect(json.workloads.map(({ workload }: { workload: string }) => workload).sort()).toEqual([
      'greeter/v2',
      'greeter/v3',
      'web',
    ])
  })

  it('gives each endpoint a sidecar, an app and a port of its own', async () => {
    const folder = await initialised()
    const { overview, urlOf } = await dev(folder, '--endpoints', 'greeter/v1=2')
    const endpoints = overview.workloads.filter(({ workload }) => workload === 'greeter/v1')
    expect(endpoints.map(({ instance }) => instance)).toEqual(['greeter.v1-1', 'greeter.v1-2'])
    expect(new Set(endpoints.flatMap(({ app }) => app.map(({ port }) => port))).size).toBe(2)
    await get(urlOf('web', 'greeter'))
  })

  it('starts an app that died again', async () => {
    const folder = project({
      'mesh.json': JSON.stringify({ name: 'shop', services: { web: { targetPort: await freePort() } } }),
      'web.mjs': `import { createServer } from 'node:http'
        createServer((request, response) => request.url === '/die' ? process.exit(7) : response.end(String(process.pid))).listen(process.env.PORT, '127.0.0.1')`,
    })
    const { of, running } = await dev(folder, '--run', 'web=node web.mjs')
    const web = `http://127.0.0.1:${of('web').app[0]!.port}`
    const first = await get(web)
    await fetch(`${web}/die`).catch(() => undefined)
    await vi.waitFor(async () => expect(await get(web)).not.toBe(first), { timeout: READY_MS })
    expect(running.stderr()).toMatch(
      /web: "node web\.mjs" ended \(exit code 7\); it is started again in 0\.5 s/,
    )
  })

  it('says that an app does not stay up, and why, instead of starting it again as if nothing was', async () => {
    const folder = project({
      'mesh.json': JSON.stringify({ name: 'shop', services: { web: { targetPort: await freePort() } } }),
    })
    const { running } = await dev(folder, '--run', 'web=exit 7')
    await vi.waitFor(
      () =>
        expect(running.stderr()).toMatch(
          /web: "exit 7" does not stay up: exit code 7, 3 times in a row; the next try is in 2 s, and later each time/,
        ),
      { timeout: READY_MS },
    )
  })

  it('refuses an unauthorised caller with 403 and the reason', async () => {
    const folder = await initialised()
    const { urlOf } = await dev(folder)
    // One workload only: the other one's app may still be on its way up.
    const headers = { 'x-user-type': 'beta-tester' }
    await get(urlOf('web', 'greeter'), headers)
    const refused = await fetch(urlOf('web', 'greeter'), { method: 'DELETE', headers })
    expect(refused.headers.get('x-selvage-reason')).toContain('no access rule allows web to DELETE')
    expect(refused.status).toBe(403)
  })

  it('leaves the apps to the person where there is no command', async () => {
    const app = createServer((_, response) => response.end('mine'))
    await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void app.close())
    const { port } = app.address() as AddressInfo
    const mesh = { name: 'shop', services: { web: { targetPort: port, calls: ['web'] } } }
    const { of, urlOf } = await dev(project({ 'mesh.json': JSON.stringify(mesh) }))
    expect(of('web').app).toEqual([{ targetPort: port, port }])
    expect(await get(urlOf('web', 'web'))).toBe('mine')
  })

  it('lets commands call services by name with --http-proxy', async () => {
    const folder = project({
      'mesh.json': JSON.stringify({
        name: 'shop',
        services: { web: { targetPort: await freePort() }, api: { targetPort: await freePort() } },
      }),
      'web.mjs': `import { createServer } from 'node:http'
        createServer(async (_, response) => response.end(await (await fetch('http://api.shop.internal/')).text())).listen(process.env.PORT, '127.0.0.1')`,
      'api.mjs': `import { createServer } from 'node:http'
        createServer((_, response) => response.end('from api')).listen(process.env.PORT, '127.0.0.1')`,
    })
    const { of } = await dev(folder, '--http-proxy', '--run', 'web=node web.mjs', '--run', 'api=node api.mjs')
    await vi.waitFor(
      async () => expect(await get(`http://127.0.0.1:${of('web').app[0]!.port}`)).toBe('from api'),
      { timeout: READY_MS },
    )
  })

  it('ends with 3 when its port is in use', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const ended = await selvage(await initialised(), 'dev', '--port', String(port))
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(new RegExp(`^error: the control plane does not start: .*${port}`, 'm'))
  })

  it('ends with 3 when another one uses the folder', async () => {
    const folder = await initialised()
    const { running } = await dev(folder)
    const ended = await selvage(folder, 'dev')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toContain(
      `another "selvage dev" (process ${running.child.pid}) uses ${join(folder, '.selvage')}`,
    )
  })

  it('ends with 2 when an option names a workload that is not there', async () => {
    const ended = await selvage(await initialised(), 'dev', '--endpoints', 'greeter=2')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('names the workload "greeter"')
  })
})
