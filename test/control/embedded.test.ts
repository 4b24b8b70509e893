import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../../control/index.ts'
import { operatorFileSchema, parseJoinToken, paths } from '../../mesh/protocol.ts'
import { makeCsr } from './csr.ts'
import { type HandClock, handClock } from './hand-clock.ts'
import { type ClientOptions, callHttps, openStream } from './https.ts'
import { shop } from './plane.ts'

const mesh = 'shop'
let stateDir: string
let clock: HandClock
let planes: ControlPlane[]
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'selvage-control-'))
  clock = handClock()
  planes = []
})
afterEach(async () => {
  for (const plane of planes) await plane.stop()
  rmSync(stateDir, { recursive: true, force: true })
})

async function start(options: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const plane = await startControlPlane({ meshName: mesh, clock, ...options })
  planes.push(plane)
  return plane
}

/** What a sidecar does first: pin, verify, exchange the token for a certificate. */
async function joined(plane: ControlPlane, workload: string, token?: string): Promise<ClientOptions> {
  const joinToken = token ?? (await plane.issueJoinToken(workload))
  const { caSha256 } = parseJoinToken(joinToken)
  const trust = await callHttps({ url: plane.url }, 'GET', paths.trust(mesh))
  const pinned = trust.body.roots
    .map((root: { certificate: string }) => root.certificate)
    .filter(
      (pem: string) => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex') === caSha256,
    )
  const { csr, privateKey } = await makeCsr()
  const client = { url: plane.url, ca: pinned }
  const issued = await callHttps({ ...client, token: joinToken }, 'POST', paths.certificate(mesh, workload), {
    csr,
  })
  if (issued.status !== 200) throw new Error(`${issued.status}: ${issued.body.detail}`)
  return { ...client, ca: issued.body.trustBundle, cert: issued.body.certificate, key: privateKey }
}

describe('the embedded control plane over HTTPS', () => {
  it('takes a sidecar from a join token to its certificate to its snapshot, over TLS 1.3', async () => {
    const plane = await start()
    await plane.apply(shop)
    const web = await joined(plane, 'web')
    const snapshot = await callHttps(web, 'GET', paths.snapshotConfig(mesh, 'web'))
    expect(snapshot).toMatchObject({ status: 200, protocol: 'TLSv1.3', body: { workload: 'web', mesh } })
    const again = await callHttps(web, 'GET', paths.snapshotConfig(mesh, 'web'), undefined, {
      'if-none-match': String(snapshot.headers.etag),
    })
    expect(again.status).toBe(304)
  })

  it('renews a certificate over mTLS', async () => {
    const plane = await start()
    await plane.apply(shop)
    const web = await joined(plane, 'payments/v1')
    const { csr, privateKey: key } = await makeCsr()
    const renewed = await callHttps(web, 'POST', paths.certificate(mesh, 'payments/v1'), { csr })
    expect(renewed.status).toBe(200)
    const next = { ...web, cert: renewed.body.certificate, key }
    expect((await callHttps(next, 'GET', paths.snapshotConfig(mesh, 'payments/v1'))).status).toBe(200)
  })

  it('refuses a workload the snapshot of another', async () => {
    const plane = await start()
    await plane.apply(shop)
    const refused = await callHttps(await joined(plane, 'web'), 'GET', paths.snapshotConfig(mesh, 'orders'))
    expect(refused).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('workload/web may not') },
    })
  })

  it('refuses a join token the second time', async () => {
    const plane = await start()
    await plane.apply(shop)
    const token = await plane.issueJoinToken('web')
    await joined(plane, 'web', token)
    await expect(joined(plane, 'web', token)).rejects.toThrow(/401: .*was used/)
  })

  it('refuses a certificate that has expired', async () => {
    const plane = await start({ certificateTtlSeconds: 60 })
    await plane.apply(shop)
    const web = await joined(plane, 'web')
    clock.advance(61_000)
    const refused = await callHttps(web, 'GET', paths.snapshotConfig(mesh, 'web'))
    expect(refused).toMatchObject({ status: 401, body: { detail: expect.stringContaining('expired at') } })
  })

  it('answers a client without a certificate, and one from another CA, with a reason', async () => {
    const plane = await start()
    await plane.apply(shop)
    const other = await start()
    await other.apply(shop)
    const { ca = [] } = await joined(plane, 'web')
    const nobody = await callHttps({ url: plane.url, ca }, 'GET', paths.snapshotConfig(mesh, 'web'))
    expect(nobody).toMatchObject({ status: 401, body: { detail: expect.stringContaining('no credentials') } })
    const { cert = '', key = '' } = await joined(other, 'web')
    const stranger = await callHttps(
      { url: plane.url, ca, cert, key },
      'GET',
      paths.snapshotConfig(mesh, 'web'),
    )
    expect(stranger).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('not from a CA') },
    })
  })

  it('registers and deregisters over one connection after another', async () => {
    const plane = await start()
    await plane.apply(shop)
    const web = await joined(plane, 'web')
    const path = paths.endpoint(mesh, 'web', 'web-a')
    expect((await callHttps(web, 'PUT', path, { address: '127.0.0.1', port: 7000 })).status).toBe(200)
    expect((await callHttps(web, 'DELETE', path)).status).toBe(204)
  })

  it('refuses a body whose length it does not know, and one that is too long, before it reads them', async () => {
    const plane = await start()
    await plane.apply(shop)
    const web = await joined(plane, 'web')
    const put = (headers: Record<string, string>) =>
      callHttps(
        web,
        'PUT',
        paths.endpoint(mesh, 'web', 'web-a'),
        { address: '127.0.0.1', port: 7000 },
        headers,
      )
    expect(await put({ 'transfer-encoding': 'chunked' })).toMatchObject({ status: 411 })
    expect(await put({ 'content-length': '5000000' })).toMatchObject({ status: 413 })
  })

  it('shows a certificate for its SPIFFE ID, localhost and the address, with its root', async () => {
    const plane = await start()
    const socket = connect({
      port: Number(new URL(plane.url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    })
    await new Promise(resolve => socket.once('secureConnect', resolve))
    const leaf = socket.getPeerX509Certificate()!
    expect(leaf.subjectAltName).toContain('URI:spiffe://shop.internal/control-plane')
    expect([leaf.checkHost('localhost'), leaf.checkIP('127.0.0.1')]).toEqual(['localhost', '127.0.0.1'])
    const root = leaf.issuerCertificate ?? socket.getPeerCertificate(true).issuerCertificate
    expect(createHash('sha256').update(root.raw).digest('hex')).toBe(plane.caSha256)
    socket.destroy()
  })

  it('refuses TLS 1.2', async () => {
    const { url } = await start()
    const socket = connect({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    })
    await expect(new Promise((_, reject) => socket.once('error', reject))).rejects.toThrow(/version/)
  })

  it('renews its own certificate before that ends', async () => {
    const plane = await start({ certificateTtlSeconds: 60 })
    const serial = async () => {
      const port = Number(new URL(plane.url).port)
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      await new Promise(resolve => socket.once('secureConnect', resolve))
      const { serialNumber } = socket.getPeerX509Certificate()!
      socket.destroy()
      return serialNumber
    }
    const first = await serial()
    clock.advance(30_000)
    await expect.poll(serial).not.toBe(first)
  })

  it('hints over a stream within the life of the connection, and ends it when it stops', async () => {
    const plane = await start({ clock: undefined })
    await plane.apply(shop)
    const web = await joined(plane, 'web')
    const stream = openStream(web, paths.hints(mesh, 'web'))
    await stream.until(/event: hint\ndata: \{"config"/)
    await plane.apply({ ...shop, routes: [] })
    await stream.until(/event: hint\ndata: \{"config"/)
    await plane.stop()
    await stream.end()
  })
})

describe('the embedded control plane with a state directory', () => {
  it('keeps authority, tokens, fragments, addresses and leases over a restart', async () => {
    clock = handClock(Date.now() - 3_600_000)
    const first = await start({ stateDir })
    const accepted = await first.apply(shop)
    const web = await joined(first, 'web')
    const token = await first.issueJoinToken('orders')
    await callHttps(web, 'PUT', paths.endpoint(mesh, 'web', 'web-a'), { address: '127.0.0.1', port: 7000 })
    const { ca = [] } = web
    const operator = { ca, token: first.operatorToken }
    await first.stop()
    clock.advance(3_600_000)

    const second = await start({ stateDir, port: Number(new URL(first.url).port) })
    expect(second).toMatchObject({
      url: first.url,
      operatorToken: first.operatorToken,
      caSha256: first.caSha256,
    })
    expect((await callHttps(web, 'GET', paths.snapshotConfig(mesh, 'web'))).status).toBe(200)
    const fragments = await callHttps({ url: second.url, ...operator }, 'GET', paths.fragments(mesh))
    expect(fragments.body).toMatchObject({ revision: 1, addresses: accepted.addresses })
    const status = await callHttps({ url: second.url, ...operator }, 'GET', paths.status(mesh))
    const ofWeb = status.body.workloads.find((each: { workload: string }) => each.workload === 'web')
    expect(ofWeb.proxies).toMatchObject([
      { id: 'web-a', leaseEndsAt: new Date(clock.now() + 15_000).toISOString() },
    ])
    await expect(joined(second, 'orders', token)).rejects.toThrow(/401: .*expired/)
  })

  it('leaves the way in for the command, for its owner only', async () => {
    const plane = await start({ stateDir })
    const path = join(stateDir, 'operator.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(operatorFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))).toEqual({
      url: plane.url,
      mesh,
      token: plane.operatorToken,
      caSha256: plane.caSha256,
    })
  })

  it('never starts twice on one directory', async () => {
    await start({ stateDir })
    await expect(start({ stateDir })).rejects.toThrow(/another control plane is using it/)
  })

  it('refuses a directory of another trust domain', async () => {
    await (await start({ stateDir })).stop()
    await expect(start({ stateDir, trustDomain: 'bank.internal' })).rejects.toThrow(
      /belongs to the trust domain/,
    )
  })

  it('says when the directory is none', async () => {
    const file = join(stateDir, 'file')
    writeFileSync(file, '')
    await expect(start({ stateDir: join(file, 'below') })).rejects.toThrow(/cannot use the state directory/)
  })

  it('follows a new root: serves with it once everybody has had time, and says so in operator.json', async () => {
    clock = handClock(Date.now() - 3_600_000)
    const plane = await start({ stateDir, certificateTtlSeconds: 3600 })
    const added = await plane.authority.rotate()
    clock.advance(3_600_000)
    const pinned = () =>
      operatorFileSchema.parse(JSON.parse(readFileSync(join(stateDir, 'operator.json'), 'utf8'))).caSha256
    await expect.poll(pinned).toBe(added.sha256)
    const served = await callHttps({ url: plane.url, ca: [added.certificate] }, 'GET', paths.trust(mesh))
    expect(served.body.roots).toHaveLength(2)
  })
})

describe('starting the embedded control plane', () => {
  it('says when the port is in use, and leaves nothing open', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await expect(start({ stateDir, port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use`,
    )
    server.close()
    await start({ stateDir })
  })

  it.each([
    [{ certificateTtlSeconds: 5 }, /certificate lifetime: found 5 s/],
    [{ addressRange: '10.0.0.0/8' }, /address range/],
  ])('refuses the option %j', async (options, reason) => {
    await expect(start(options)).rejects.toThrow(reason)
  })

  it('applies again what is there, and throws the violations of what cannot be', async () => {
    const plane = await start()
    expect(await plane.apply(shop)).toMatchObject({ revision: 1, changed: true })
    expect(await plane.apply(shop)).toMatchObject({ revision: 1, changed: false })
    expect(await plane.apply({ ...shop, routes: [] })).toMatchObject({ revision: 2 })
    await expect(plane.apply({ name: mesh, services: 7 })).rejects.toMatchObject({
      code: 'invalid',
      details: { violations: [{ path: 'services' }] },
    })
  })

  it('stops twice without complaint', async () => {
    const plane = await start()
    await plane.stop()
    await plane.stop()
    await expect(callHttps({ url: plane.url }, 'GET', paths.trust(mesh))).rejects.toThrow(/ECONNREFUSED/)
  })
})
