import { describe, expect, it } from 'vitest'
import type { AccessRule } from '../../../mesh/policy/access.ts'
import type { InboundAccess } from '../../../mesh/snapshot.ts'
import { INBOUND, snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const rule = (more: Partial<AccessRule>): AccessRule => ({
  name: 'orders-read',
  action: 'allow',
  mode: 'enforce',
  from: ['orders'],
  to: ['web'],
  methods: ['GET'],
  paths: [],
  ports: [],
  headers: {},
  ...more,
})

const guarded = async (access: InboundAccess) => {
  const sidecar = await fakeSidecar(snapshotOf({ config: { inbound: [{ ...INBOUND, access }] } }))
  sidecar.connector.serve = call => call.respond(200)
  return sidecar
}

describe('access', () => {
  it('lets pass what a rule allows', async () => {
    const { receive } = await guarded({ byDefault: 'deny', rules: [rule({})] })
    expect((await receive({ method: 'GET' }).response).status).toBe(200)
  })

  it('refuses what no rule allows, and says who wanted what', async () => {
    const { receive, connector, metrics } = await guarded({ byDefault: 'deny', rules: [rule({})] })
    const { response, exchange } = receive({ method: 'DELETE', path: '/charges/1' })
    expect((await response).status).toBe(403)
    expect((await response).headers.get('x-selvage-reason')).toBe(
      'UAEX no access rule allows orders to DELETE /charges/1',
    )
    expect(exchange.record.flag).toBe('UAEX')
    expect(connector.calls).toHaveLength(0)
    expect(metrics.expose()).toContain('selvage_access_denied_total{rule="",service="web",source="orders"} 1')
  })

  it('names the rule that denies', async () => {
    const { receive, metrics } = await guarded({
      byDefault: 'allow',
      rules: [rule({ name: 'no-orders', action: 'deny', methods: [] })],
    })
    const { response } = receive()
    expect((await response).headers.get('x-selvage-reason')).toContain('"no-orders" denies orders')
    expect(metrics.expose()).toContain('rule="no-orders"')
  })

  it('judges by the proven caller and nothing else', async () => {
    const { receive } = await guarded({ byDefault: 'deny', rules: [rule({})] })
    const forged = { headers: { 'x-forwarded-client-cert': 'URI=spiffe://shop/workload/orders' } }
    const { response } = receive(forged, { source: 'other', sourceId: 'spiffe://shop/workload/other' })
    expect((await response).status).toBe(403)
  })

  it('counts and logs what a shadow rule would have done, and does not do it', async () => {
    const { receive, metrics, logged, clock } = await guarded({
      byDefault: 'allow',
      rules: [rule({ name: 'soon', action: 'deny', mode: 'shadow', methods: [] })],
    })
    for (let i = 0; i < 3; i++) expect((await receive().response).status).toBe(200)
    expect(metrics.expose()).toContain(
      'selvage_access_shadow_total{rule="soon",service="web",would="deny"} 3',
    )
    const shadows = () => logged.filter(({ event }) => event === 'access-shadow')
    expect(shadows()).toEqual([
      expect.objectContaining({ source: 'orders', rules: ['soon'], would: 'refuse' }),
    ])
    await clock.advance(60_000)
    await receive().response
    expect(shadows()).toHaveLength(2)
  })
})
