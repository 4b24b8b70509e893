import { describe, expect, it } from 'vitest'
import type { InboundPort } from '../../../mesh/snapshot.ts'
import { CONFIG, INBOUND, snapshotOf } from '../snapshots.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const withPort = (port: Partial<InboundPort>) =>
  snapshotOf({ config: { inbound: [{ ...INBOUND, ...port }] } })
const ANONYMOUS = { source: undefined, sourceId: undefined, meshPeer: false }

describe('identity', () => {
  it('tells the app who was proven, and drops what the caller says of itself', async () => {
    const { receive, settled } = await fakeSidecar()
    const { exchange } = receive({
      headers: {
        'x-forwarded-client-cert': 'URI=spiffe://shop/workload/admin',
        'x-selvage-reason': 'forged',
        'x-other': 'kept',
      },
    })
    await settled()
    const { headers } = exchange.request
    expect(exchange.edits?.get('x-forwarded-client-cert')).toBe(
      'By=spiffe://shop/workload/web;URI=spiffe://shop/workload/orders',
    )
    const dropped = [0, 1, 2]
      .filter(field => exchange.edits?.drops(headers, field))
      .map(i => headers.nameAt(i))
    expect(dropped).toEqual(['x-forwarded-client-cert', 'x-selvage-reason'])
  })

  it('refuses who is not proven where the port is strict', async () => {
    const { receive, connector } = await fakeSidecar(withPort({ tls: 'strict' }))
    const response = await receive({}, ANONYMOUS).response
    expect(response.status).toBe(401)
    expect(response.headers.get('x-selvage-reason')).toBe('UAEX port 80 of web accepts mutual TLS only')
    expect(connector.calls).toHaveLength(0)
  })

  it('lets who is not proven pass where the port is permissive, without an identity', async () => {
    const { receive, connector, settled } = await fakeSidecar(withPort({ tls: 'permissive' }))
    const { exchange } = receive({ headers: { 'x-forwarded-client-cert': 'URI=spiffe://x' } }, ANONYMOUS)
    await settled()
    expect(connector.calls).toHaveLength(1)
    expect(exchange.edits?.drops(exchange.request.headers, 0)).toBe(true)
    expect(exchange.edits?.get('x-forwarded-client-cert')).toBeUndefined()
  })

  it('lets a port that does not exist be refused by the route', async () => {
    const { receive } = await fakeSidecar(snapshotOf({ config: { ...CONFIG, inbound: [] } }))
    expect((await receive({}, ANONYMOUS).response).status).toBe(404)
  })
})
