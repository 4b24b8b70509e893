/** Sidecars with a real control plane: they join, register, follow what is published, and live on without it. */
import { describe, expect, test } from 'vitest'
import { type ControlPlane, startControlPlane } from '../../control/index.ts'
import { bearer, paths, type Status } from '../../mesh/protocol.ts'
import { callHttps } from '../../proxy/config/https.ts'
import { type RunningProxy, startProxy } from '../../proxy/index.ts'
import type { Settings } from '../../proxy/settings.ts'
import { ask, httpApp } from '../support/app.ts'
import { keptLog } from '../support/log.ts'
import { afterTest, testSettings } from '../support/proxy.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'

const document = (to: object, more: object = {}) => ({
  name: 'shop',
  services: {
    web: { targetPort: 3000, calls: ['payments'] },
    payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } },
  },
  routes: [{ service: 'payments', to }],
  ...more,
})

async function controlPlane(options: { stateDir?: string; port?: number } = {}): Promise<ControlPlane> {
  const plane = await startControlPlane({ meshName: 'shop', ...options })
  afterTest(() => plane.stop())
  return plane
}

interface Join {
  readonly plane: ControlPlane
  readonly workload: string
  readonly app?: number
  readonly settings?: Partial<Settings>
}

async function sidecar({ plane, workload, app, settings = {} }: Join) {
  const joinToken = await plane.issueJoinToken(workload)
  const log = keptLog()
  const running = await startProxy(
    testSettings(workload, {
      control: { url: new URL(plane.url), joinToken },
      app: { address: '127.0.0.1', ports: new Map(app === undefined ? [] : [[8080, app]]) },
      leaseSeconds: 3,
      instance: `${workload.replace('/', '-')}-1`,
      ...settings,
    }),
    { log },
  )
  afterTest(() => running.stop())
  await running.ready()
  return { running, log }
}

const urlOf = ({ addresses }: RunningProxy) => `http://${addresses.outbound['payments:80']}`
const appOf = async (running: RunningProxy) => {
  const answer = await ask(urlOf(running))
  return answer.status === 200 ? (JSON.parse(answer.body).app as string) : `${answer.status}`
}
const endpointsOf = (running: RunningProxy, workload: string) =>
  running.snapshot()?.endpoints.clusters[workload] ?? []

/** web, payments/v1 and payments/v2, everything on v1. */
async function shop(options: { stateDir?: string } = {}) {
  const plane = await controlPlane(options)
  await plane.apply(document({ 'payments/v1': 1, 'payments/v2': 0 }))
  const apps = { v1: await httpApp('v1'), v2: await httpApp('v2') }
  const v1 = await sidecar({ plane, workload: 'payments/v1', app: apps.v1.port })
  const v2 = await sidecar({ plane, workload: 'payments/v2', app: apps.v2.port })
  const stateDir = tempFolder()
  const web = await sidecar({ plane, workload: 'web', settings: { stateDir } })
  await until('the endpoints are known', () => endpointsOf(web.running, 'payments/v2').length === 1)
  await until('the endpoints are known', () => endpointsOf(web.running, 'payments/v1').length === 1)
  return { plane, apps, v1, v2, web, stateDir }
}

describe('sidecars with a control plane', () => {
  test('join with a token, register when their app is there, and carry calls', async () => {
    const { web, v1 } = await shop()
    expect(await appOf(web.running)).toBe('v1')
    expect(v1.log.of('registered')[0]).toMatchObject({ endpoint: 'payments-v1-1', health: 'healthy' })
    expect(v1.log.of('certificate')[0]).toMatchObject({
      spiffeId: expect.stringMatching(/workload\/payments\/v1$/),
    })
  })

  test('enforce a change of weights soon after it was accepted', async () => {
    const { plane, web } = await shop()
    await plane.apply(document({ 'payments/v1': 0, 'payments/v2': 1 }))
    await until('v2 answers', async () => (await appOf(web.running)) === 'v2')
  })

  test('do not register before their app is there', async () => {
    const plane = await controlPlane()
    await plane.apply(document({ 'payments/v1': 1 }))
    const app = await httpApp('v1')
    const { port } = app
    app.kill()
    const { running, log } = await sidecar({ plane, workload: 'payments/v1', app: port })
    const findings = JSON.parse(
      (await ask(`http://${running.addresses.admin}`, { path: '/check' })).body,
    ).findings
    expect(findings).toContainEqual(expect.objectContaining({ name: 'registration', status: 'warning' }))
    expect(log.of('registered')).toHaveLength(0)
  })

  test('leave the registry as draining when their app is gone', async () => {
    const { apps, web, v1 } = await shop()
    apps.v1.kill()
    await until('callers are told', () => endpointsOf(web.running, 'payments/v1')[0]?.health === 'draining')
    expect(v1.log.of('registered').at(-1)).toMatchObject({ health: 'draining' })
  })

  test('leave the registry first of all when they drain', async () => {
    const { web, v1 } = await shop()
    await v1.running.drain()
    await until('callers are told', () => endpointsOf(web.running, 'payments/v1').length === 0)
    expect(
      v1.log.lines.map(({ event }) => event).filter(event => /drain|deregistered|stopped/.test(event)),
    ).toEqual(['draining', 'deregistered', 'stopped'])
  })

  test('tell the control plane what they enforce', async () => {
    const { plane } = await shop()
    const status = async () => {
      const { text } = await callHttps({
        method: 'GET',
        url: new URL(paths.status('shop'), plane.url),
        headers: { authorization: bearer(plane.operatorToken) },
        body: undefined,
        tls: { rejectUnauthorized: false },
      })
      return JSON.parse(text) as Status
    }
    const proxies = await until('v1 is in sync', async () => {
      const { workloads } = await status()
      const found = workloads.find(({ workload }) => workload === 'payments/v1')?.proxies
      return found?.[0]?.inSync === true && found
    })
    expect(proxies[0]).toMatchObject({ ready: true })
  })
})

describe('without the control plane', () => {
  test('traffic goes on, and what was missed is caught up with when it is back', async () => {
    const stateDir = tempFolder()
    const { plane, web } = await shop({ stateDir })
    const { port } = new URL(plane.url)
    await plane.stop()
    await until(
      'it is noticed',
      () => web.log.of('snapshot-fetch-failed').length > 0 || web.log.of('hints-interrupted').length > 0,
    )
    expect(await appOf(web.running)).toBe('v1')
    const again = await controlPlane({ stateDir, port: Number(port) })
    await again.apply(document({ 'payments/v1': 0, 'payments/v2': 1 }))
    await until('v2 answers', async () => (await appOf(web.running)) === 'v2')
  })

  test('a sidecar that restarts serves with the certificate and the snapshot that it kept', async () => {
    const { plane, web, stateDir } = await shop()
    await web.running.stop()
    await plane.stop()
    const log = keptLog()
    const running = await startProxy(
      testSettings('web', { control: { url: new URL(plane.url), joinToken: undefined }, stateDir }),
      { log },
    )
    afterTest(() => running.stop())
    await running.ready()
    expect(log.of('kept-snapshot')).toHaveLength(1)
    expect(await appOf(running)).toBe('v1')
  })

  test('a sidecar that was never there waits for it, and says so', async () => {
    const plane = await controlPlane()
    await plane.apply(document({ 'payments/v1': 1 }))
    const joinToken = await plane.issueJoinToken('web')
    const stopped = await controlPlane()
    const { url } = stopped
    await stopped.stop()
    const log = keptLog()
    const running = await startProxy(testSettings('web', { control: { url: new URL(url), joinToken } }), {
      log,
    })
    afterTest(() => running.stop())
    const line = await until('it says so', () => log.of('certificate-failed')[0])
    expect(line.message).toContain('cannot be reached')
    const ready = await ask(`http://${running.addresses.health}`, { path: '/ready' })
    expect(ready).toMatchObject({ status: 503, body: expect.stringContaining('there is no certificate yet') })
  })

  test('a sidecar with a token that was used before gives up, with the reason', async () => {
    const plane = await controlPlane()
    await plane.apply(document({ 'payments/v1': 1 }))
    const joinToken = await plane.issueJoinToken('web')
    await sidecar({ plane, workload: 'web', settings: { control: { url: new URL(plane.url), joinToken } } })
    const log = keptLog()
    const again = await startProxy(testSettings('web', { control: { url: new URL(plane.url), joinToken } }), {
      log,
    })
    afterTest(() => again.stop())
    await expect(again.ready()).rejects.toThrow(/answered 401/)
    expect(log.lines.map(line => JSON.stringify(line)).join()).not.toContain(joinToken)
  })
})
