/** The sidecar as a process: what it prints, how it ends, and what programs that know nothing of it make of it. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Snapshot } from '../../mesh/snapshot.ts'
import { httpApp } from '../support/app.ts'
import { createAuthority, type TestAuthority } from '../support/authority.ts'
import { proxyProcess } from '../support/process.ts'
import { describeWith, rig } from '../support/rig.ts'
import { cluster, endpoint, inboundPort, outboundService, snapshot } from '../support/snapshot.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const curl = rig('curl', 'apt-get install curl')
const openssl = rig('openssl', 'apt-get install openssl')

/** Files of a proxy that has no control plane, and the environment that names them. */
async function prepared(authority: TestAuthority, value: Snapshot, env: Record<string, string> = {}) {
  const folder = tempFolder()
  const { workload } = value.config
  const { certificatePem, privateKeyPem } = await authority.leaf(workload)
  const identity = join(folder, 'identity')
  mkdirSync(identity)
  writeFileSync(join(identity, 'cert.pem'), certificatePem)
  writeFileSync(join(identity, 'key.pem'), privateKeyPem)
  writeFileSync(join(identity, 'bundle.pem'), authority.certificatePem)
  writeFileSync(join(folder, 'snapshot.json'), JSON.stringify(value))
  return {
    SELVAGE_MESH: 'shop',
    SELVAGE_WORKLOAD: workload,
    SELVAGE_CONFIG_FILE: join(folder, 'snapshot.json'),
    SELVAGE_IDENTITY_DIR: identity,
    SELVAGE_STATE_DIR: join(folder, 'state'),
    SELVAGE_INTERCEPTION: 'explicit',
    SELVAGE_INBOUND_ADDRESS: '127.0.0.1:0',
    SELVAGE_ADMIN_PORT: '0',
    SELVAGE_HEALTH_ADDRESS: '127.0.0.1:0',
    SELVAGE_DRAIN_DELAY: '0s',
    ...env,
  }
}

/** payments and web, each with its sidecar process, and the app of payments. */
async function shop(web: Record<string, string> = {}) {
  const authority = await createAuthority()
  const app = await httpApp('payments')
  const inbound = [inboundPort('payments', { targetPort: 8080 })]
  const inner = proxyProcess(
    await prepared(authority, snapshot('payments', { inbound }), { SELVAGE_APP_PORTS: `8080=${app.port}` }),
  )
  const { inbound: address } = await inner.line('ready')
  const port = Number(String(address).split(':')[1])
  const outbound = [outboundService('payments')]
  const value = snapshot(
    'web',
    { outbound, clusters: { payments: cluster('payments') } },
    { payments: [endpoint('p1', port)] },
  )
  const outer = proxyProcess(await prepared(authority, value, web))
  const ready = await outer.line('ready')
  return { authority, app, inner, outer, ready, meshPort: port }
}

describe('the proxy process', () => {
  test('says where it listens and when it is ready, drains at SIGTERM and exits with 0', async () => {
    const { outer, ready } = await shop()
    expect(await outer.line('listening')).toMatchObject({
      admin: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      health: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      inbound: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      outbound: { 'payments:80': expect.stringMatching(/^127\.0\.0\.1:\d+$/) },
    })
    const at = (ready.outbound as Record<string, string>)['payments:80']
    expect((await fetch(`http://${at}/hello`)).status).toBe(200)
    outer.child.kill('SIGTERM')
    expect(await outer.exit()).toBe(0)
    expect(outer.lines.map(({ event }) => event)).toContain('stopped')
  })

  test('tells every wrong setting in one sentence each, and exits with 2', async () => {
    const proxy = proxyProcess({ SELVAGE_MESH: 'shop', SELVAGE_ADMIN_PORT: 'x' })
    expect(await proxy.exit()).toBe(2)
    expect(proxy.stderr().trim().split('\n')).toEqual([
      expect.stringMatching(/^selvage proxy: SELVAGE_ADMIN_PORT: found "x", expected a port/),
      expect.stringMatching(/^selvage proxy: SELVAGE_WORKLOAD: it is not set/),
      expect.stringMatching(/^selvage proxy: SELVAGE_CONTROL_URL: it is not set/),
    ])
  })

  test('names the port that it cannot have, and exits with 3', async () => {
    const taken = await httpApp('somebody else')
    const authority = await createAuthority()
    const proxy = proxyProcess(
      await prepared(authority, snapshot('web'), { SELVAGE_ADMIN_PORT: String(taken.port) }),
    )
    expect(await proxy.exit()).toBe(3)
    expect(proxy.stderr()).toContain(`cannot listen on 127.0.0.1:${taken.port} for admin: EADDRINUSE`)
  })

  test('names the file that it cannot read, and exits with 3', async () => {
    const authority = await createAuthority()
    const proxy = proxyProcess(
      await prepared(authority, snapshot('web'), { SELVAGE_IDENTITY_DIR: '/nowhere' }),
    )
    expect(await proxy.exit()).toBe(3)
    expect(proxy.stderr()).toMatch(/^selvage proxy: identity directory \/nowhere: ENOENT/)
  })

  test('ends with 0 when it is asked to before it was ever ready', async () => {
    const authority = await createAuthority()
    const proxy = proxyProcess(
      await prepared(authority, snapshot('web'), { SELVAGE_CONFIG_FILE: '/nowhere/snapshot.json' }),
    )
    await proxy.line('listening')
    proxy.child.kill('SIGTERM')
    expect(await proxy.exit()).toBe(0)
  })

  test('drains when the admin port is told to, and nothing keeps the process alive', async () => {
    const { outer, ready } = await shop()
    expect((await fetch(`http://${ready.admin}/drain`, { method: 'POST' })).status).toBe(202)
    expect(await outer.exit()).toBe(0)
  })

  test('warns of variables that look like settings and are none', async () => {
    const authority = await createAuthority()
    const proxy = proxyProcess(
      await prepared(authority, snapshot('web'), { SELVAGE_INTERCEPTON: 'explicit' }),
    )
    expect(await proxy.line('unknown-variable')).toMatchObject({ name: 'SELVAGE_INTERCEPTON' })
  })
})

describeWith([curl], 'curl, which knows nothing of a mesh', () => {
  test('reaches a service by its name through HTTP_PROXY, and over a tunnel', async () => {
    const { ready, app } = await shop({ SELVAGE_HTTP_PROXY_PORT: '0' })
    const env = { ...process.env, http_proxy: `http://${ready.httpProxy}`, no_proxy: '' }
    const { stdout } = await run('curl', ['-s', '-d', 'ten', 'http://payments.shop.internal/charges?x=1'], {
      env,
    })
    expect(JSON.parse(stdout)).toMatchObject({
      method: 'POST',
      url: '/charges?x=1',
      body: 'ten',
      headers: {
        host: 'payments.shop.internal',
        'x-forwarded-client-cert': expect.stringContaining('workload/web'),
      },
    })
    const tunnelled = await run('curl', ['-s', '-p', 'http://payments.shop.internal/tunnelled'], { env })
    expect(JSON.parse(tunnelled.stdout)).toMatchObject({ url: '/tunnelled' })
    expect(app.requests).toEqual(['POST /charges?x=1', 'GET /tunnelled'])
  })

  test('leaves the mesh by the same proxy, but not for the metadata service, the proxy itself or an unknown name', async () => {
    const { ready } = await shop({ SELVAGE_HTTP_PROXY_PORT: '0' })
    const outside = await httpApp('outside')
    const status = async (url: string, ...more: string[]) => {
      const args = [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{http_connect}',
        '-x',
        `http://${ready.httpProxy}`,
        ...more,
        url,
      ]
      return (await run('curl', args).catch((error: { stdout: string }) => error)).stdout
    }
    expect(await status(`http://127.0.0.1:${outside.port}/`)).toBe('200 000')
    expect(await status(`http://127.0.0.1:${outside.port}/`, '-p')).toBe('200 200')
    expect(await status('http://169.254.169.254/latest/meta-data/')).toBe('403 000')
    expect(await status('http://169.254.169.254/latest/meta-data/', '-p')).toBe('000 403')
    expect(await status(`http://${ready.admin}/snapshot`)).toBe('403 000')
    expect(await status('http://nowhere.shop.internal/')).toBe('404 000')
    expect(outside.requests).toHaveLength(2)
  })

  test('may not leave the mesh where it is registry-only', async () => {
    const authority = await createAuthority()
    const outside = await httpApp('outside')
    const env = await prepared(authority, snapshot('web', { egress: 'registry-only' }), {
      SELVAGE_HTTP_PROXY_PORT: '0',
    })
    const { httpProxy } = await proxyProcess(env).line('ready')
    const { stdout } = await run('curl', [
      '-s',
      '-i',
      '-x',
      `http://${httpProxy}`,
      `http://127.0.0.1:${outside.port}/`,
    ])
    expect(stdout).toMatch(/^HTTP\/1\.1 403 /)
    expect(stdout).toContain('egress: registry-only')
    expect(outside.requests).toEqual([])
  })
})

describeWith([openssl], 'openssl s_client on the mesh port', () => {
  const NAME = '80.payments.payments.shop.internal'
  const dial = async (port: number, folder: string, ...more: string[]) => {
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-servername',
      NAME,
      '-CAfile',
      join(folder, 'ca.pem'),
      ...more,
    ]
    const done = promisify(execFile)('sh', [
      '-c',
      `printf 'GET / HTTP/1.1\\r\\nhost: payments\\r\\nconnection: close\\r\\n\\r\\n' | openssl "$@" -ign_eof 2>&1`,
      'sh',
      ...args,
    ])
    return done.then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )
  }
  const files = async (ca: TestAuthority, by: TestAuthority) => {
    const folder = tempFolder()
    const { certificatePem, privateKeyPem } = await by.leaf('web')
    writeFileSync(join(folder, 'ca.pem'), ca.certificatePem)
    writeFileSync(join(folder, 'cert.pem'), certificatePem)
    writeFileSync(join(folder, 'key.pem'), privateKeyPem)
    return { folder, certificate: ['-cert', join(folder, 'cert.pem'), '-key', join(folder, 'key.pem')] }
  }

  test('is refused without a client certificate, and with one of another CA; with the right one it is TLS 1.3', async () => {
    const { authority, meshPort, inner, app } = await shop()
    const own = await files(authority, authority)
    expect(await dial(meshPort, own.folder)).toMatch(/alert certificate required/)
    const other = await files(authority, await createAuthority())
    expect(await dial(meshPort, other.folder, ...other.certificate)).not.toContain('HTTP/1.1 200')
    expect(app.requests).toEqual([])
    const reasons = await until('both are logged', () => {
      const refused = inner.lines.filter(({ event }) => event === 'peer-refused')
      return refused.length >= 2 && refused.map(({ reason }) => reason)
    })
    expect(reasons).toEqual([
      'it showed no certificate',
      'its certificate is not from a CA that this mesh trusts',
    ])
    const answer = await dial(meshPort, own.folder, ...own.certificate, '-alpn', 'http/1.1')
    expect(answer).toContain('HTTP/1.1 200')
    expect(answer).toMatch(/New, TLSv1\.3/)
    expect(app.requests).toEqual(['GET /'])
  })
})
