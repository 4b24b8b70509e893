import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { defineMesh } from '../../mesh/define.ts'
import type { App, FetchApp } from '../../testing/app.ts'
import { ManualClock } from '../../testing/clock.ts'
import { scriptedRandom } from '../../testing/random.ts'
import { type StartMeshOptions, startMesh } from '../../testing/start-mesh.ts'

const document = defineMesh({
  name: 'shop',
  services: {
    web: { targetPort: 3000, calls: ['payments'] },
    payments: { targetPort: 8080, calls: [], workloads: { v1: {}, v2: {} } },
  },
  routes: [
    { service: 'payments', match: { headers: { 'x-user-type': 'beta-tester' } }, to: 'payments/v2' },
    { service: 'payments', to: 'payments/v1' },
  ],
  access: [{ name: 'web-pays', from: 'web', to: 'payments', methods: ['GET', 'POST'] }],
})
const answering = (text: string): FetchApp => ({ fetch: () => new Response(text) })
type Name = 'web' | 'payments' | 'payments/v1' | 'payments/v2'

async function started(options: StartMeshOptions<Name> = {}) {
  const mesh = await startMesh(document, {
    apps: {
      'payments/v1': (_request, response) => response.end('v1'),
      'payments/v2': { fetch: request => new Response(`v2 ${new URL(request.url).pathname}`) },
    },
    ...options,
  })
  onTestFinished(() => mesh.stop())
  return mesh
}

describe('startMesh', () => {
  it('sends a real request from workload to workload, by the routes', async () => {
    const mesh = await started()
    const response = await mesh.fetch('payments', '/charges/1', { from: 'web' })
    expect(await response.text()).toBe('v1')
    const beta = await mesh.fetch('payments', '/charges/1', {
      from: 'web',
      headers: { 'x-user-type': 'beta-tester' },
    })
    expect(await beta.text()).toBe('v2 /charges/1')
  })

  it('enforces access rules, with the reason', async () => {
    const mesh = await started()
    const response = await mesh.fetch('payments', '/', { from: 'web', method: 'DELETE' })
    expect(response.status).toBe(403)
    expect(response.headers.get('x-selvage-reason')).toContain('no access rule allows web to DELETE')
  })

  it('carries bodies both ways', async () => {
    const mesh = await started({
      apps: { 'payments/v1': { fetch: async request => new Response(await request.text()) } },
    })
    const body = 'x'.repeat(100_000)
    const response = await mesh.fetch('payments', '/', { from: 'web', method: 'POST', body })
    expect(await response.text()).toBe(body)
  })

  it('applies another document: when the promise resolves, it is enforced', async () => {
    const mesh = await started()
    await mesh.apply({ ...document, routes: [{ service: 'payments', to: 'payments/v2' }] })
    expect(await (await mesh.fetch('payments', '/', { from: 'web' })).text()).toBe('v2 /')
  })

  it('starts what a document adds and ends what it takes away', async () => {
    const mesh = await started()
    const { services } = document
    const next = {
      name: 'shop',
      services: { web: services.web, payments: { ...services.payments, workloads: { v3: {} } } },
    }
    await mesh.apply(next, { 'payments/v3': answering('v3') })
    expect(await (await mesh.fetch('payments', '/', { from: 'web' })).text()).toBe('v3')
  })

  it('keeps the old document when the new one is wrong', async () => {
    const mesh = await started()
    const wrong = { ...document, routes: [{ service: 'payments', to: 'payments/v9' }] }
    await expect(mesh.apply(wrong)).rejects.toThrow(/payments\/v9/)
    expect((await mesh.fetch('payments', '/', { from: 'web' })).status).toBe(200)
  })

  it('gives a workload an endpoint for each app of a list', async () => {
    const mesh = await started({ apps: { 'payments/v1': ['a', 'b'].map(answering) } })
    const seen = new Set<string>()
    for (let request = 0; request < 50; request++)
      seen.add(await (await mesh.fetch('payments', '/', { from: 'web' })).text())
    expect(seen).toEqual(new Set(['a', 'b']))
  })

  it('takes an app by its port, and one that has `fetch`, as Hono apps do', async () => {
    const server = createServer((_, response) => response.end('by port'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const mesh = await started({
      apps: { 'payments/v1': port, 'payments/v2': { fetch: () => new Response('by fetch') } },
    })
    expect(await (await mesh.fetch('payments', '/', { from: 'web' })).text()).toBe('by port')
    const headers = { 'x-user-type': 'beta-tester' }
    expect(await (await mesh.fetch('payments', '/', { from: 'web', headers })).text()).toBe('by fetch')
  })

  it('gives the URL for clients that are not fetch', async () => {
    const mesh = await started()
    expect(await (await fetch(mesh.urlOf('payments', { from: 'web' }))).text()).toBe('v1')
  })

  it('draws the split with the dice that it is given', async () => {
    const split = {
      ...document,
      routes: [{ service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } }],
    }
    const mesh = await startMesh(split, {
      apps: { 'payments/v1': answering('v1'), 'payments/v2': answering('v2') },
      random: scriptedRandom(0.95),
    })
    onTestFinished(() => mesh.stop())
    for (let request = 0; request < 5; request++) {
      expect(await (await mesh.fetch('payments', '/', { from: 'web' })).text()).toBe('v2')
    }
  })

  it('brings an ejected endpoint back when the clock is turned past its ejection', async () => {
    const clock = ManualClock.atPresent()
    let broken = true
    let asked = 0
    const app: App = (_request, response) => {
      asked++
      response.writeHead(broken ? 500 : 200).end()
    }
    const { services } = document
    const strict = {
      ...document,
      services: {
        ...services,
        payments: {
          ...services.payments,
          outlierDetection: { consecutiveErrors: 2, baseEjectionTime: '30s' },
          loadBalancer: { panicThreshold: 0 },
        },
      },
    }
    const mesh = await startMesh(strict, { clock, apps: { 'payments/v1': app } })
    onTestFinished(() => mesh.stop())
    const status = async () => (await mesh.fetch('payments', '/', { from: 'web' })).status
    expect([await status(), await status(), await status()]).toEqual([500, 500, 503])
    expect(asked).toBe(2)
    broken = false
    await clock.advance(31_000)
    expect(await status()).toBe(200)
  })

  it('says which names there are when one is wrong', async () => {
    const mesh = await started()
    // @ts-expect-error: no such workload
    expect(() => mesh.urlOf('payments', { from: 'wbe' })).toThrow('found no workload "wbe", expected one of')
    // @ts-expect-error: no such service
    expect(() => mesh.urlOf('orders', { from: 'web' })).toThrow('found no service that web calls "orders"')
    // @ts-expect-error: no such workload
    await expect(startMesh(document, { apps: { 'payments/v3': 1 } })).rejects.toThrow(
      'found no workload "payments/v3"',
    )
  })

  it('refuses a document with violations, all of them at once', async () => {
    const wrong = { name: 'Shop', services: { web: { targetPort: 0 } } }
    await expect(startMesh(wrong)).rejects.toThrow(/2 violations/)
  })

  it('leaves nothing open when it stops, also by `await using`', async () => {
    let url = ''
    {
      await using mesh = await startMesh(document, { apps: { 'payments/v1': answering('v1') } })
      url = mesh.urlOf('payments', { from: 'web' })
    }
    await expect(fetch(url)).rejects.toThrow()
  })
})
