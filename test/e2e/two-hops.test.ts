/** Two sidecars and two apps, with mutual TLS between: what a call looks like from either end. */
import { describe, expect, test } from 'vitest'
import type { InboundPort } from '../../mesh/snapshot.ts'
import { ask, httpApp } from '../support/app.ts'
import { createAuthority, type LeafOptions, type TestAuthority } from '../support/authority.ts'
import { testProxy } from '../support/proxy.ts'
import { cluster, endpoint, inboundPort, outboundService, snapshot } from '../support/snapshot.ts'
import { until } from '../support/until.ts'

const LOGGED = { accessLog: 'json', traceSamplePercent: 0 } as const

interface Callee {
  readonly authority: TestAuthority
  readonly appPort: number
  readonly inbound?: Partial<InboundPort>
  readonly leaf?: LeafOptions
}

const callee = async ({ authority, appPort, inbound = {}, leaf }: Callee) =>
  testProxy({
    identity: await authority.identity('payments', leaf),
    snapshot: snapshot('payments', {
      inbound: [inboundPort('payments', { targetPort: appPort, ...inbound })],
      telemetry: LOGGED,
    }),
  })

interface Caller {
  readonly authority: TestAuthority
  readonly port: number
  readonly identity?: string
}

const caller = async ({ authority, port, identity = 'spiffe://shop/workload/payments' }: Caller) =>
  testProxy({
    identity: await authority.identity('web'),
    snapshot: snapshot(
      'web',
      {
        outbound: [outboundService('payments')],
        clusters: { payments: cluster('payments', { identity }) },
        telemetry: LOGGED,
      },
      { payments: [endpoint('p1', port)] },
    ),
  })

describe('a call through two sidecars', () => {
  test('reaches the app over TLS 1.3 with the caller proven, and both sides know who it was', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port })
    const outer = await caller({ authority, port: inner.port })
    const answer = await ask(outer.url(), { method: 'POST', path: '/charges?x=1', body: 'ten' })
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({
      method: 'POST',
      url: '/charges?x=1',
      body: 'ten',
      headers: {
        'x-forwarded-client-cert': 'By=spiffe://shop/workload/payments;URI=spiffe://shop/workload/web',
      },
    })
    const [logged] = await until('the access is logged', () => inner.accessLog.length > 0 && inner.accessLog)
    expect(logged).toMatchObject({
      direction: 'inbound',
      tls: 'TLSv1.3',
      source: 'web',
      sourceId: 'spiffe://shop/workload/web',
      status: 200,
    })
  })

  test('is refused by the caller when the callee has a certificate of another CA', async () => {
    const [authority, other] = await Promise.all([createAuthority(), createAuthority()])
    const app = await httpApp('payments')
    const inner = await callee({ authority: other, appPort: app.port })
    const outer = await caller({ authority, port: inner.port })
    const answer = await ask(outer.url())
    expect(answer.status).toBe(503)
    expect(answer.headers['x-selvage-reason']).toMatch(/^UF .*not trusted/)
    expect(app.requests).toEqual([])
  })

  test('is refused by the callee when the caller has a certificate of another CA, and its log names the caller', async () => {
    const [authority, other] = await Promise.all([createAuthority(), createAuthority()])
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port })
    // A caller that trusts the mesh's CA and shows something else.
    const forged = { ...(await other.identity('web')), trustBundle: [authority.certificatePem] }
    const outer = await caller({ authority, port: inner.port })
    outer.identity.set(forged)
    const answer = await ask(outer.url(), { method: 'POST' })
    expect(answer.status).toBe(503)
    const refusal = await until('it is logged', () => inner.log.of('peer-refused')[0])
    expect(refusal).toMatchObject({
      reason: 'its certificate is not from a CA that this mesh trusts',
      subject: 'URI:spiffe://shop/workload/web',
    })
    expect(app.requests).toEqual([])
  })

  test('is refused by the caller when the callee is somebody else, and the reason names both', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({
      authority,
      appPort: app.port,
      leaf: { uris: ['spiffe://shop/workload/mallory'] },
    })
    const outer = await caller({ authority, port: inner.port })
    const answer = await ask(outer.url())
    expect(answer.status).toBe(503)
    expect(answer.headers['x-selvage-reason']).toContain(
      'is spiffe://shop/workload/mallory, expected spiffe://shop/workload/payments',
    )
    expect(app.requests).toEqual([])
  })

  test('is refused when the certificate of either side has expired', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port })
    const outer = await caller({ authority, port: inner.port })
    const notBefore = new Date(Date.now() - 120_000)
    const ended = { notBefore, notAfter: new Date(Date.now() - 60_000) }
    outer.identity.set(await authority.identity('web', ended))
    expect((await ask(outer.url())).status).toBe(503)
    expect((await until('it is logged', () => inner.log.of('peer-refused')[0])).reason).toBe(
      'its certificate has expired',
    )
    outer.identity.set(await authority.identity('web'))
    inner.identity.set(await authority.identity('payments', ended))
    const answer = await ask(outer.url())
    expect(answer.headers['x-selvage-reason']).toContain('certificate has expired')
    expect(app.requests).toEqual([])
  })

  test('is refused with 403 and the reason when an access rule says so', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const rule = {
      name: 'only-orders',
      action: 'allow',
      mode: 'enforce',
      from: ['orders'],
      to: ['payments'],
      methods: [],
      paths: [],
      ports: [],
      headers: {},
    } as const
    const inner = await callee({
      authority,
      appPort: app.port,
      inbound: { access: { byDefault: 'deny', rules: [rule] } },
    })
    const outer = await caller({ authority, port: inner.port })
    const answer = await ask(outer.url())
    expect(answer.status).toBe(403)
    expect(answer.headers['x-selvage-reason']).toMatch(/^UAEX /)
    expect(app.requests).toEqual([])
  })

  test('cannot forge who it is: what an app says of itself is dropped', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port })
    const outer = await caller({ authority, port: inner.port })
    const headers = {
      'x-forwarded-client-cert': 'URI=spiffe://shop/workload/admin',
      'x-selvage-reason': 'me',
    }
    const seen = JSON.parse((await ask(outer.url(), { headers })).body).headers
    expect(seen['x-forwarded-client-cert']).toBe(
      'By=spiffe://shop/workload/payments;URI=spiffe://shop/workload/web',
    )
    expect(seen['x-selvage-reason']).toBeUndefined()
  })
})

describe('plaintext on the mesh port', () => {
  test('is refused where mutual TLS is strict', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port })
    await expect(ask(`http://127.0.0.1:${inner.port}`)).rejects.toThrow()
    expect((await until('it is logged', () => inner.log.of('peer-refused')[0])).reason).toContain(
      'it speaks plain HTTP',
    )
    expect(app.requests).toEqual([])
  })

  test('is let in where it is permissive, beside mutual TLS, and is nobody', async () => {
    const authority = await createAuthority()
    const app = await httpApp('payments')
    const inner = await callee({ authority, appPort: app.port, inbound: { tls: 'permissive' } })
    const outer = await caller({ authority, port: inner.port })
    const headers = { 'x-forwarded-client-cert': 'URI=spiffe://shop/workload/web' }
    const plain = await ask(`http://127.0.0.1:${inner.port}`, { path: '/plain', headers })
    expect(plain.status).toBe(200)
    expect(JSON.parse(plain.body).headers['x-forwarded-client-cert']).toBeUndefined()
    expect((await ask(outer.url(), { path: '/tls' })).status).toBe(200)
    expect(app.requests).toEqual(['GET /plain', 'GET /tls'])
  })
})
