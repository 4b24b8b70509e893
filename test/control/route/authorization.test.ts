import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { paths } from '../../../mesh/protocol.ts'
import { makeCsr } from '../csr.ts'
import { type As, createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

const registration = { address: '127.0.0.1', port: 15006 }
/** Everything that belongs to one workload alone. */
const OWN: readonly [string, string, (workload: string) => string, unknown?][] = [
  ['the snapshot’s config', 'GET', workload => paths.snapshotConfig(mesh, workload)],
  ['the snapshot’s endpoints', 'GET', workload => paths.snapshotEndpoints(mesh, workload)],
  ['hints', 'GET', workload => paths.hints(mesh, workload)],
  ['a certificate', 'POST', workload => paths.certificate(mesh, workload), { csr: 'x' }],
  ['a registration', 'PUT', workload => paths.endpoint(mesh, workload, 'a'), registration],
  ['a deregistration', 'DELETE', workload => paths.endpoint(mesh, workload, 'a')],
]
/** What the operator does and workloads never. */
const ADMINISTRATION: readonly [string, string, unknown?][] = [
  ['GET', paths.fragments(mesh)],
  ['GET', paths.fragment(mesh, 'mesh')],
  ['PUT', paths.fragment(mesh, 'mesh'), shop],
  ['DELETE', paths.fragment(mesh, 'mesh')],
  ['POST', paths.plan(mesh), { document: shop }],
  ['GET', paths.history(mesh)],
  ['POST', paths.restore(mesh), { revision: 1 }],
  ['GET', paths.status(mesh)],
  ['GET', paths.topology(mesh)],
  ['GET', `${paths.explain(mesh)}?service=web`],
  ['POST', paths.joinTokens(mesh), { workload: 'web' }],
  ['POST', paths.publishTokens(mesh), { name: 'me', services: ['web'] }],
  ['GET', paths.publishTokens(mesh)],
  ['DELETE', paths.publishToken(mesh, 'x')],
]
const joinToken = async (workload: string): Promise<As> => {
  const { body } = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), { workload })
  return { token: body.token }
}
const EVERYTHING: readonly [string, string, unknown?][] = [
  ...OWN.map(([, method, path, body]): [string, string, unknown?] => [method, path('web'), body]),
  ...ADMINISTRATION,
]

const lastAudit = () => plane.log.filter(line => line.msg === 'refused').at(-1)

describe('a workload', () => {
  it.each(OWN)(
    'is refused %s of another workload, with both names in reason and log',
    async (_, method, path, body) => {
      const refused = await plane.call(await plane.workload('web'), method, path('payments/v1'), body)
      expect(refused.status).toBe(403)
      for (const name of ['spiffe://shop.internal/workload/web', 'payments/v1']) {
        expect(refused.body.detail).toContain(name)
        expect(lastAudit()?.reason).toContain(name)
      }
      expect(lastAudit()).toMatchObject({
        level: 40,
        audit: true,
        principal: 'spiffe://shop.internal/workload/web',
        remoteAddress: '192.0.2.7',
        method,
        status: 403,
      })
    },
  )

  it.each(ADMINISTRATION)('may not %s %s', async (method, path, body) => {
    expect((await plane.call(await plane.workload('web'), method, path, body)).status).toBe(403)
    expect(await plane.store.revision(mesh)).toBe(1)
  })

  it.each(OWN)('is refused %s with 401 once its certificate has expired', async (_, method, path, body) => {
    const web = await plane.workload('web', 3600)
    plane.clock.advance(3_601_000)
    const refused = await plane.call(web, method, path('web'), body)
    expect(refused).toMatchObject({ status: 401, body: { detail: expect.stringContaining('expired at') } })
    expect(refused.body.detail).toContain('spiffe://shop.internal/workload/web')
    expect(lastAudit()).toMatchObject({ status: 401 })
  })

  it('is refused when its certificate comes from another CA', async () => {
    const other = await createPlane()
    const refused = await plane.call(await other.workload('web'), 'GET', paths.snapshotConfig(mesh, 'web'))
    expect(refused).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('not from a CA of this mesh') },
    })
    other.close()
  })
})

describe('an operator', () => {
  it.each(OWN)('may not pose as a workload for %s', async (_, method, path, body) => {
    expect((await plane.call(plane.operator, method, path('web'), body)).status).toBe(403)
  })
})

describe('a join token', () => {
  it.each(OWN.filter(([what]) => what !== 'a certificate'))(
    'is no good for %s',
    async (_, method, path, body) => {
      const refused = await plane.call(await joinToken('web'), method, path('web'), body)
      expect(refused).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining('one certificate and nothing else') },
      })
    },
  )

  it('is no good for the certificate of another workload, and is not used up by trying', async () => {
    const token = await joinToken('web')
    const { csr } = await makeCsr()
    expect((await plane.call(token, 'POST', paths.certificate(mesh, 'orders'), { csr })).status).toBe(403)
    expect((await plane.call(token, 'POST', paths.certificate(mesh, 'web'), { csr })).status).toBe(200)
  })

  it.each(ADMINISTRATION)('may not %s %s', async (method, path, body) => {
    expect((await plane.call(await joinToken('web'), method, path, body)).status).toBe(403)
  })
})

describe('a publisher', () => {
  it('may read the mesh, and issue no tokens', async () => {
    const team = await plane.publisher('team', ['web'])
    for (const path of [
      paths.fragments(mesh),
      paths.status(mesh),
      paths.topology(mesh),
      paths.history(mesh),
    ]) {
      expect((await plane.call(team, 'GET', path)).status).toBe(200)
    }
    expect((await plane.call(team, 'POST', paths.joinTokens(mesh), { workload: 'web' })).status).toBe(403)
    expect(
      (await plane.call(team, 'POST', paths.publishTokens(mesh), { name: 'x', services: ['web'] })).status,
    ).toBe(403)
  })

  it('may not pose as a workload', async () => {
    const team = await plane.publisher('team', ['web'])
    expect((await plane.call(team, 'GET', paths.snapshotConfig(mesh, 'web'))).status).toBe(403)
  })
})

describe('nobody', () => {
  it.each(EVERYTHING)('gets 401 for %s %s', async (method, path, body) => {
    const refused = await plane.call('nobody', method, path, body)
    expect(refused).toMatchObject({ status: 401, body: { type: 'urn:selvage:problem:unauthenticated' } })
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
  })

  it('gets 401 with a token that is not good, and neither log nor answer quotes it', async () => {
    const token = `selvage-operator-1.abcdefghijkl.${'s'.repeat(43)}`
    const refused = await plane.call({ token }, 'GET', paths.status(mesh))
    expect(refused.status).toBe(401)
    expect(JSON.stringify([refused.body, plane.log])).not.toContain('s'.repeat(43))
  })

  it('may read which authorities are trusted, and the contract', async () => {
    const trust = await plane.call('nobody', 'GET', paths.trust(mesh))
    expect(trust).toMatchObject({
      status: 200,
      body: { trustDomain: 'shop.internal', roots: [{ signing: true }] },
    })
    expect((await plane.call('nobody', 'GET', paths.openapi())).status).toBe(200)
  })
})

describe('anybody', () => {
  it('is told when the mesh is another one', async () => {
    const answer = await plane.call(plane.operator, 'GET', paths.status('bank'))
    expect(answer).toMatchObject({
      status: 404,
      body: { detail: 'found mesh "bank", and this control plane serves "shop"' },
    })
  })

  it('gets a problem for a path that is not there', async () => {
    expect(await plane.call(plane.operator, 'GET', '/v2/hello')).toMatchObject({
      status: 404,
      body: { type: 'urn:selvage:problem:not-found' },
    })
  })
})
