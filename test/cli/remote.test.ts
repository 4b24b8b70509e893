import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../cli/clock.ts'
import { type ControlPlane, startControlPlane } from '../../control/index.ts'
import { issuedCertificateSchema, paths } from '../../mesh/protocol.ts'
import { ControlClient } from '../../proxy/config/control-client.ts'
import { createKeyAndRequest } from '../../proxy/identity/csr.ts'
import { readIdentity } from '../../proxy/identity/identity.ts'
import { project, selvage, selvageJson } from './project.ts'

const mesh = (v1 = 90) => ({
  name: 'shop',
  services: { web: { targetPort: 3000 }, payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } } },
  routes: [{ name: 'canary', service: 'payments', to: { 'payments/v1': v1, 'payments/v2': 100 - v1 } }],
})

/** A control plane whose state is where the command looks for it, and a document beside it. */
async function plane(document: object = mesh()) {
  const folder = project({ 'mesh.json': JSON.stringify(document) })
  const control = await startControlPlane({ meshName: 'shop', stateDir: join(folder, '.selvage') })
  onTestFinished(() => control.stop())
  const rewrite = (next: object) => writeFileSync(join(folder, 'mesh.json'), JSON.stringify(next))
  return { folder, control, rewrite }
}

/** A sidecar that registers and never says what it enforces. */
async function silentSidecar(control: ControlPlane, workload: string): Promise<void> {
  const client = new ControlClient(new URL(control.url), systemClock)
  const { csrPem, privateKeyPem } = await createKeyAndRequest()
  const call = { method: 'POST', path: paths.certificate('shop', workload), body: { csr: csrPem } } as const
  const answer = await client.callWithToken(call, await control.issueJoinToken(workload))
  const issued = issuedCertificateSchema.parse(JSON.parse(answer.text))
  client.identify(readIdentity(issued.certificate, privateKeyPem, issued.trustBundle))
  const body = { address: '127.0.0.1', port: 15006, leaseSeconds: 60 }
  await client.call({ method: 'PUT', path: paths.endpoint('shop', workload, 'silent-1'), body })
}

describe('selvage apply', () => {
  it('shows what would change and changes nothing with --dry-run', async () => {
    const { folder } = await plane()
    const { code, stdout } = await selvage(folder, 'apply', '--dry-run')
    expect(code).toBe(0)
    expect(stdout).toContain('+ service payments')
    expect(stdout).toContain('+ route payments canary → payments/v1 90, payments/v2 10')
    expect((await selvageJson(folder, 'status')).json.revision).toBe(0)
  })

  it('publishes, and says what changed', async () => {
    const { folder, rewrite } = await plane()
    expect((await selvageJson(folder, 'apply')).json).toMatchObject({
      ok: true,
      accepted: { revision: 1, changed: true },
    })
    rewrite(mesh(50))
    const { code, stdout } = await selvage(folder, 'apply')
    expect(code).toBe(0)
    expect(stdout).toContain(
      '~ route payments canary\n      to: payments/v1 90, payments/v2 10 → payments/v1 50, payments/v2 50',
    )
    expect(stdout).toContain('revision 2 accepted')
  })

  it('says that nothing changes when the document is there already', async () => {
    const { folder } = await plane()
    await selvage(folder, 'apply')
    const { code, stdout } = await selvage(folder, 'apply')
    expect(code).toBe(0)
    expect(stdout).toContain('nothing changes')
  })

  it('ends with 6 and names the sidecar when one does not follow in time', async () => {
    const { folder, control, rewrite } = await plane()
    await selvage(folder, 'apply')
    await silentSidecar(control, 'payments/v1')
    rewrite(mesh(50))
    const { code, json } = await selvageJson(folder, 'apply', '--wait', '0.2')
    expect(code).toBe(6)
    expect(json).toMatchObject({
      ok: false,
      enforcement: { proxies: 1, lagging: [{ workload: 'payments/v1', id: 'silent-1' }] },
    })
  })

  it('does not wait with --wait 0', async () => {
    const { folder, control } = await plane()
    await control.apply(mesh(10))
    await silentSidecar(control, 'payments/v1')
    const { code, json } = await selvageJson(folder, 'apply', '--wait', '0')
    expect(code).toBe(0)
    expect(json.enforcement).toBeUndefined()
  })

  it('ends with 1 when the document does not fit what others have published', async () => {
    const { folder, control } = await plane()
    await control.apply({ name: 'shop', services: { web: { targetPort: 1 } } }, 'others')
    const { code, json } = await selvageJson(folder, 'apply')
    expect(code).toBe(1)
    expect(json.error.violations[0].path).toContain('web')
  })

  it('ends with 1 when the document is of another mesh', async () => {
    const { folder } = await plane({ ...mesh(), name: 'other' })
    const ended = await selvage(folder, 'apply')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(`mesh.json is the mesh "other", and the control plane's is "shop"`)
  })

  it('ends with 3 when there is no operator.json, and says how to get one', async () => {
    const ended = await selvage(project({ 'mesh.json': JSON.stringify(mesh()) }), 'apply')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(
      /cannot read \.selvage\/operator\.json: it does not exist\nStart "npx selvage dev"/,
    )
  })

  it('ends with 3 when the control plane is not there', async () => {
    const { folder, control } = await plane()
    await control.stop()
    const ended = await selvage(folder, 'apply')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toContain(`cannot reach the control plane at ${control.url}: nothing listens there`)
  })

  it('ends with 4 when the token is wrong, and never quotes it', async () => {
    const { folder, control } = await plane()
    writeFileSync(join(folder, 'token'), 'selvage-operator-1.wrong-secret')
    const args = ['--control', control.url, '--token-file', 'token', '--ca-sha256', control.caSha256]
    const ended = await selvage(folder, 'apply', ...args)
    expect(ended.code).toBe(4)
    expect(ended.stderr).toContain('answered 401')
    expect(ended.stderr).not.toContain('wrong-secret')
  })

  it('ends with 4 when the control plane has another authority, before any token is sent', async () => {
    const { folder, control } = await plane()
    writeFileSync(join(folder, 'token'), control.operatorToken)
    const args = ['--control', control.url, '--token-file', 'token', '--ca-sha256', '0'.repeat(64)]
    const ended = await selvage(folder, 'apply', ...args)
    expect(ended.code).toBe(4)
    expect(ended.stderr).toContain('is not the control plane expected')
  })

  it('takes URL, token and authority from options', async () => {
    const { folder, control } = await plane()
    writeFileSync(join(folder, 'token'), `${control.operatorToken}\n`)
    const args = ['--control', control.url, '--token-file', 'token', '--ca-sha256', control.caSha256]
    expect((await selvage(folder, 'apply', ...args)).code).toBe(0)
    expect((await selvageJson(folder, 'status', ...args, '--mesh', 'shop')).json.revision).toBe(1)
  })

  it.each([
    [['--control', 'localhost:1'], '--control: expected a URL such as https://'],
    [['--control', 'http://127.0.0.1:1', '--token-file', 't'], '--control: expected a URL such as https://'],
    [['--control', 'https://127.0.0.1:1'], '--control needs --token-file'],
    [
      ['--control', 'https://127.0.0.1:1', '--token-file', 't', '--ca-sha256', 'x'],
      '--ca-sha256: expected 64',
    ],
  ])('%j ends with 2', async (args, message) => {
    const ended = await selvage(project({ 'mesh.json': JSON.stringify(mesh()) }), 'apply', ...args)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(message)
  })
})

describe('selvage status', () => {
  it('shows every workload and its proxies', async () => {
    const { folder, control } = await plane()
    await control.apply(mesh())
    await silentSidecar(control, 'payments/v1')
    const { code, stdout } = await selvage(folder, 'status')
    expect(code).toBe(0)
    expect(stdout).toContain('mesh shop, revision 1: 1 proxy, 0 in sync')
    expect(stdout).toMatch(/^payments\/v1 +silent-1 +127\.0\.0\.1:15006 +not heard of +- +\d+ s +-$/m)
    expect(stdout).toMatch(/^payments\/v2 +no proxy$/m)
  })

  it('gives the same as JSON', async () => {
    const { folder, control } = await plane()
    await control.apply(mesh())
    const { code, json } = await selvageJson(folder, 'status')
    expect(code).toBe(0)
    expect(json).toMatchObject({ ok: true, mesh: 'shop', revision: 1 })
    expect(json.workloads).toHaveLength(3)
  })

  it('needs the name of the mesh with --control', async () => {
    const ended = await selvage(
      project({ t: 'x' }),
      'status',
      '--control',
      'https://127.0.0.1:1',
      '--token-file',
      't',
    )
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('--control needs --mesh')
  })
})

/** Stands in for a proxy's admin address. */
async function admin(answer: unknown): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(answer)))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const finding = (status: string, message: string, remedy?: string) => ({
  name: 'app',
  status,
  message,
  remedy,
})

describe('selvage check', () => {
  it('ends with 0 when every proxy is well; a warning is no fault', async () => {
    const findings = [
      finding('ok', 'The app is up.'),
      finding('warning', 'The app is reachable.', 'Close it.'),
    ]
    const url = await admin({ workload: 'web', ok: true, findings })
    const { code, stdout } = await selvage(project(), 'check', '--admin', url)
    expect(code).toBe(0)
    expect(stdout).toContain('✓ The app is up.\n  ! The app is reachable.\n    Close it.')
    expect(stdout).toContain('All is well.')
  })

  it('ends with 1 when a proxy finds a fault, and says how to mend it', async () => {
    const findings = [finding('error', 'The app is down.', 'Start it.')]
    const urls = [
      await admin({ workload: 'web', ok: false, findings }),
      await admin({ workload: 'b', ok: true, findings: [] }),
    ]
    const { code, json } = await selvageJson(project(), 'check', '--admin', urls[0]!, '--admin', urls[1]!)
    expect(code).toBe(1)
    expect(json.ok).toBe(false)
    expect(json.subjects.map(({ subject, ok }: Record<string, unknown>) => [subject, ok])).toEqual([
      ['web', false],
      ['b', true],
    ])
  })

  it('ends with 1 when a proxy does not answer, or is none', async () => {
    const gone = await selvage(project(), 'check', '--admin', 'http://127.0.0.1:1')
    expect(gone.code).toBe(1)
    expect(gone.stdout).toContain('✗ The proxy at http://127.0.0.1:1 does not answer: ')
    const other = await selvage(project(), 'check', '--admin', await admin({ hello: 'world' }))
    expect(other.stdout).toContain('does not answer as the admin address of a proxy')
  })

  it('asks the control plane, too, and finds it gone', async () => {
    const { folder, control } = await plane()
    const url = await admin({ workload: 'web', ok: true, findings: [] })
    expect((await selvage(folder, 'check', '--admin', url)).code).toBe(0)
    await control.stop()
    const { code, json } = await selvageJson(folder, 'check', '--admin', url)
    expect(code).toBe(1)
    expect(json.subjects[0]).toMatchObject({ subject: 'control plane', ok: false })
    expect(json.subjects[0].findings[0].message).toContain('nothing listens there')
  })

  it('ends with 3 when there is nothing to ask', async () => {
    const ended = await selvage(project(), 'check')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toContain('no "selvage dev" runs here')
  })

  it('ends with 2 when an address is malformed', async () => {
    expect((await selvage(project(), 'check', '--admin', 'web')).code).toBe(2)
  })
})
