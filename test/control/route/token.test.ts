import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseJoinToken, paths } from '../../../mesh/protocol.ts'
import { createPlane, mesh, type Plane, shop } from '../plane.ts'

let plane: Plane
beforeEach(async () => {
  plane = await createPlane()
  await plane.publish(shop)
})
afterEach(() => plane.close())

const issue = (body: object) => plane.call(plane.operator, 'POST', paths.publishTokens(mesh), body)
const list = async () => (await plane.call(plane.operator, 'GET', paths.publishTokens(mesh))).body.tokens

describe('a join token', () => {
  it('is pinned to the authority that signs, and says when it ends', async () => {
    const { status, body } = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), {
      workload: 'payments/v1',
    })
    const [root] = await plane.control.authority.trust()
    expect(status).toBe(201)
    expect(parseJoinToken(body.token)).toMatchObject({
      mesh,
      workload: 'payments/v1',
      caSha256: root?.sha256,
    })
    expect(body.expiresAt).toBe(new Date(plane.clock.now() + 600_000).toISOString())
  })

  it('is audited without its secret', async () => {
    const { body } = await plane.call(plane.operator, 'POST', paths.joinTokens(mesh), { workload: 'web' })
    expect(plane.log.find(line => line.msg === 'join token issued')).toMatchObject({
      audit: true,
      principal: 'operator',
      workload: 'web',
    })
    expect(JSON.stringify(plane.log)).not.toContain(parseJoinToken(body.token).secret)
  })
})

describe('a publish token', () => {
  it('is shown once, and listed without its secret', async () => {
    const { status, body } = await issue({ name: 'team-a', services: ['ledger'], ttlSeconds: 3600 })
    expect(status).toBe(201)
    const { token, ...shown } = body
    expect(shown).toEqual({
      id: expect.any(String),
      name: 'team-a',
      services: ['ledger'],
      expiresAt: new Date(plane.clock.now() + 3_600_000).toISOString(),
    })
    expect(await list()).toEqual([shown])
    expect(JSON.stringify([await list(), plane.log])).not.toContain(token.slice(-43))
  })

  it('is no longer listed when it has expired', async () => {
    await issue({ name: 'team-a', services: ['ledger'], ttlSeconds: 60 })
    plane.clock.advance(60_000)
    expect(await list()).toEqual([])
  })

  it('is refused once it was revoked; revoking what never was succeeds', async () => {
    const { body } = await issue({ name: 'team-a', services: ['ledger'] })
    const revoke = (id: string) => plane.call(plane.operator, 'DELETE', paths.publishToken(mesh, id))
    expect((await revoke(body.id)).status).toBe(204)
    expect((await revoke('never')).status).toBe(204)
    const refused = await plane.call({ token: body.token }, 'GET', paths.status(mesh))
    expect(refused).toMatchObject({ status: 401, body: { detail: expect.stringContaining('was revoked') } })
  })

  it.each([
    [{ name: 'Team A', services: ['ledger'] }, 'name'],
    [{ name: 'team-a', services: [] }, 'services'],
    [{ name: 'team-a', services: ['ledger'], ttlSeconds: 1 }, 'ttlSeconds'],
    [{ name: 'team-a', services: ['ledger'], scope: 'all' }, 'scope'],
  ])('is refused for %j, naming what is wrong', async (body, named) => {
    expect(await issue(body)).toMatchObject({ status: 400, body: { detail: expect.stringContaining(named) } })
  })
})
