import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type AdminSnapshot, enforcedPercent, retriesOf } from '../../../examples/shop/admin.ts'

describe('enforcedPercent', () => {
  const snapshot = (v1: number, v2: number): AdminSnapshot => ({
    config: {
      outbound: [
        { service: 'orders', routes: [] },
        {
          service: 'payments',
          routes: [
            { targets: [{ workload: 'payments/v2', weight: 1 }] },
            {
              targets: [
                { workload: 'payments/v1', weight: v1 },
                { workload: 'payments/v2', weight: v2 },
              ],
            },
          ],
        },
      ],
      clusters: {},
    },
    endpoints: { clusters: {} },
  })

  it('is the share of v2 on the route that splits', () => {
    expect(enforcedPercent(snapshot(90, 10))).toBe(10)
    expect(enforcedPercent(snapshot(1, 1))).toBe(50)
  })

  it('is unknown when nothing splits', () => {
    const { endpoints, config } = snapshot(90, 10)
    expect(enforcedPercent({ endpoints, config: { ...config, outbound: [] } })).toBeUndefined()
  })
})

describe('retriesOf', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  it('sums each class over services and workloads', async () => {
    const server = createServer((_, response) =>
      response.end(
        [
          '# TYPE selvage_retries_total counter',
          'selvage_retries_total{service="payments",workload="payments/v1",class="unsent"} 8',
          'selvage_retries_total{service="payments",workload="payments/v2",class="unsent"} 2',
          'selvage_retries_total{service="payments",workload="payments/v2",class="answered"} 4',
          '',
        ].join('\n'),
      ),
    )
    closers.push(() => server.close())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect(await retriesOf(new URL(`http://127.0.0.1:${port}`))).toEqual({ unsent: 10, unanswered: 0 })
  })
})
