import { X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { issuedCertificateSchema, paths, workloadId } from '../../../mesh/protocol.ts'
import { forgedCsr, makeCsr } from '../csr.ts'
import { type As, createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

const join = async (workload: string, ttlSeconds = 600): Promise<As> => {
  const { body } = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), { workload, ttlSeconds })
  return { token: body.token }
}
const certify = async (as: As, workload: string, csr?: string) =>
  plane.call(as, 'POST', paths.certificate(mesh, workload), { csr: csr ?? (await makeCsr()).csr })

describe('a certificate', () => {
  it('is issued for a join token, in the name of the token’s workload, with the roots to trust', async () => {
    const { status, body } = await certify(await join('payments/v1'), 'payments/v1')
    expect(status).toBe(200)
    const issued = issuedCertificateSchema.parse(body)
    expect(issued.spiffeId).toBe(workloadId('shop.internal', 'payments/v1'))
    const leaf = new X509Certificate(issued.certificate)
    expect(leaf.subjectAltName).toBe(`URI:${issued.spiffeId}`)
    expect(leaf.verify(new X509Certificate(issued.trustBundle[0] ?? '').publicKey)).toBe(true)
    expect(Date.parse(issued.notAfter)).toBe(leaf.validToDate.getTime())
  })

  it('is renewed over mTLS, as often as the workload likes', async () => {
    const web = await plane.workload('web')
    for (let time = 0; time < 3; time++) expect((await certify(web, 'web')).status).toBe(200)
  })

  it('is issued once for a token, also when many ask at once', async () => {
    const token = await join('web')
    const answers = await Promise.all(Array.from({ length: 10 }, () => certify(token, 'web')))
    expect(answers.map(answer => answer.status).toSorted()).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 401),
    ])
    expect((await certify(token, 'web')).body.detail).toContain('was used')
  })

  it('is refused for a token that has expired', async () => {
    const token = await join('web', 60)
    plane.clock.advance(61_000)
    expect(await certify(token, 'web')).toMatchObject({
      status: 401,
      body: { detail: expect.stringContaining('expired at') },
    })
  })

  it.each([
    ['damaged', async () => 'hello'],
    ['signed by another key', forgedCsr],
    [
      'of a key that is not P-256',
      async () => (await makeCsr({ algorithm: { name: 'ECDSA', namedCurve: 'P-384' } })).csr,
    ],
  ])('is refused for a CSR that is %s, and the token stays good', async (_, csr) => {
    const token = await join('web')
    expect(await certify(token, 'web', await csr())).toMatchObject({
      status: 422,
      body: { type: 'urn:selvage:problem:csr-refused' },
    })
    expect((await certify(token, 'web')).status).toBe(200)
  })

  it('is refused once the mesh has no such workload any more', async () => {
    const web = await plane.workload('web')
    const { web: _, ...services } = shop.services
    await plane.publish({ ...shop, services, access: [{ from: 'orders', to: 'payments' }] })
    expect(await certify(web, 'web')).toMatchObject({
      status: 404,
      body: { type: 'urn:selvage:problem:unknown-workload' },
    })
  })

  it('is audited with its name and its end, and without the CSR', async () => {
    const { csr } = await makeCsr()
    await certify(await plane.workload('web'), 'web', csr)
    const line = plane.log.find(each => each.msg === 'certificate issued')
    expect(line).toMatchObject({
      audit: true,
      spiffeId: workloadId('shop.internal', 'web'),
      notAfter: expect.any(String),
    })
    expect(JSON.stringify(plane.log)).not.toContain(csr.split('\n')[1])
  })
})

describe('a join token', () => {
  it('is refused for a workload that the mesh does not have', async () => {
    const refused = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), {
      workload: 'payment/v1',
    })
    expect(refused).toMatchObject({ status: 404, body: { detail: expect.stringContaining('"payment/v1"') } })
  })

  it.each([0, 5, 100_000, 'long'])('may not live for %s seconds', async ttlSeconds => {
    const refused = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), {
      workload: 'web',
      ttlSeconds,
    })
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('ttlSeconds') } })
  })
})
