import { describe, expect, it } from 'vitest'
import { compileSnapshot, selectEndpoints } from '../../mesh/compile.ts'
import type { MeshDocumentInput } from '../../mesh/document.ts'
import { hashOf } from '../../mesh/hash.ts'
import { resolve } from '../../mesh/resolve.ts'
import type { Endpoint } from '../../mesh/snapshot.ts'
import { parseSnapshotConfig } from '../../mesh/snapshot-schema.ts'
import { validate } from '../../mesh/validate.ts'

function configOf(document: MeshDocumentInput, workload: string, addresses = new Map<string, string>()) {
  expect(validate(document).violations).toEqual([])
  return compileSnapshot(resolve(document), workload, { addresses })
}

const shop: MeshDocumentInput = {
  name: 'shop',
  services: {
    web: { targetPort: 3000, hosts: ['shop.example.com'] },
    payments: { targetPort: 8080, workloads: { v1: {}, v2: { circuitBreaker: { maxRequests: 7 } } } },
    db: { targetPort: 5432, protocol: 'tcp', calls: [] },
  },
  workloads: { cron: { calls: ['payments/v1'] }, ledger: { services: ['payments'], tls: 'permissive' } },
  routes: [
    { service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } },
    { service: 'payments', match: { method: 'POST' }, to: 'payments' },
  ],
}

describe('compileSnapshot', () => {
  it('says whose it is', () => {
    expect(configOf(shop, 'payments/v1')).toMatchObject({
      format: 1,
      mesh: 'shop',
      domain: 'shop.internal',
      trustDomain: 'shop.internal',
      workload: 'payments/v1',
      services: ['payments'],
      normalise: 'base',
      egress: 'allow-all',
      telemetry: { accessLog: 'off', traceSamplePercent: 1 },
    })
  })

  it('is what a proxy accepts, before and after its journey through JSON', () => {
    for (const workload of ['web', 'payments/v1', 'payments/v2', 'ledger', 'cron', 'db']) {
      const config = configOf(shop, workload)
      expect(parseSnapshotConfig(JSON.parse(JSON.stringify(config)))).toEqual(config)
    }
  })

  it('answers the ports of the services that the workload stands behind', () => {
    const { inbound } = configOf(shop, 'ledger')
    expect(inbound).toHaveLength(1)
    expect(inbound[0]).toMatchObject({
      service: 'payments',
      port: 80,
      targetPort: 8080,
      protocol: 'http',
      tls: 'permissive',
    })
    expect(configOf(shop, 'cron').inbound).toEqual([])
  })

  it('knows a service by its name in the domain first, its short name, and its hosts', () => {
    const [web] = configOf(shop, 'cron').outbound
    expect(web?.service).toBe('payments')
    const all = configOf({ ...shop, domain: 'corp.test' }, 'payments/v1').outbound
    expect(all.find(({ service }) => service === 'web')?.hosts).toEqual([
      'web.corp.test',
      'web',
      'shop.example.com',
    ])
  })

  it('carries the addresses that were allocated', () => {
    const { outbound } = configOf(shop, 'payments/v1', new Map([['web', '127.83.0.5']]))
    expect(outbound.map(({ service, address }) => [service, address])).toEqual([
      ['web', '127.83.0.5'],
      ['payments', undefined],
      ['db', undefined],
    ])
  })

  it('dials 80 for HTTP, the target port for TCP, and what is given', () => {
    const services = {
      a: { targetPort: 8080 },
      b: { targetPort: 5432, protocol: 'tcp' },
      c: { targetPort: 8081, port: 8000 },
      d: { ports: { web: { targetPort: 9000 }, raw: { targetPort: 9001, protocol: 'tcp' } }, calls: ['a'] },
    } as const
    const { outbound } = configOf({ name: 'shop', services }, 'a')
    expect(outbound.map(({ service, ports }) => [service, ports])).toEqual([
      ['a', [{ port: 80, protocol: 'http' }]],
      ['b', [{ port: 5432, protocol: 'tcp' }]],
      ['c', [{ port: 8000, protocol: 'http' }]],
      [
        'd',
        [
          { port: 80, protocol: 'http' },
          { port: 9001, protocol: 'tcp' },
        ],
      ],
    ])
  })

  it('throws for a workload that the mesh does not have', () => {
    expect(() => compileSnapshot(resolve(shop), 'payments', { addresses: new Map() })).toThrow(
      'no workload "payments" in mesh "shop"',
    )
  })

  it('is the same for a document whose keys stand in another order', () => {
    const turned = JSON.parse(
      JSON.stringify(shop, (_key, value: unknown) =>
        typeof value === 'object' && value !== null && !Array.isArray(value) && 'targetPort' in value
          ? Object.fromEntries(Object.entries(value).reverse())
          : value,
      ),
    ) as MeshDocumentInput
    expect(hashOf(configOf(turned, 'web'))).toBe(hashOf(configOf(shop, 'web')))
    expect(hashOf(configOf({ ...shop, domain: 'x.test' }, 'web'))).not.toBe(hashOf(configOf(shop, 'web')))
  })
})

describe('scope', () => {
  const services = {
    a: { targetPort: 1 },
    b: { targetPort: 2 },
    c: { targetPort: 3, workloads: { v1: {}, v2: {} } },
  }
  const scope = (document: Partial<MeshDocumentInput>, workload: string) =>
    configOf({ name: 'shop', services, ...document }, workload).outbound.map(({ service }) => service)

  it('is everything when neither service nor workload lists calls', () => {
    expect(scope({}, 'a')).toEqual(['a', 'b', 'c'])
  })

  it('is what the service lists, and the services of the workloads that it lists', () => {
    expect(scope({ services: { ...services, a: { targetPort: 1, calls: ['c/v1'] } } }, 'a')).toEqual(['c'])
  })

  it('is what the workload lists, when it lists any', () => {
    const c = { targetPort: 3, calls: ['a', 'b'], workloads: { v1: { calls: ['b'] }, v2: {} } }
    expect(scope({ services: { ...services, c } }, 'c/v1')).toEqual(['b'])
    expect(scope({ services: { ...services, c } }, 'c/v2')).toEqual(['a', 'b'])
  })

  it('is nothing when the list is empty', () => {
    expect(scope({ services: { ...services, a: { targetPort: 1, calls: [] } } }, 'a')).toEqual([])
  })

  it('leaves out the own port that the app itself binds, unless it is asked for', () => {
    const tcp = { name: 'shop', services: { db: { targetPort: 5432, protocol: 'tcp' as const } } }
    expect(configOf(tcp, 'db').outbound).toEqual([])
  })

  it('has the clusters that its routes and fallbacks name, and no others', () => {
    const routes = [{ service: 'a', to: 'c/v2' }]
    const a = { targetPort: 1, calls: ['a'] }
    const { clusters } = configOf({ name: 'shop', services: { ...services, a }, routes }, 'a')
    expect(Object.keys(clusters).sort()).toEqual(['a', 'c/v2'])
  })
})

describe('a workload behind several services', () => {
  it('takes the policies of none of them', () => {
    const services = {
      a: { targetPort: 1, circuitBreaker: { maxRequests: 3 } },
      b: { targetPort: 1, port: 81 },
      web: { targetPort: 3 },
    }
    const maxRequests = (workloads: MeshDocumentInput['workloads']) =>
      configOf({ name: 'shop', services, workloads }, 'web').clusters.w?.circuitBreaker.maxRequests
    expect(maxRequests({ w: { services: ['a'] } })).toBe(3)
    expect(maxRequests({ w: { services: ['a', 'b'] } })).toBe(1024)
  })
})

describe('clusters', () => {
  const { clusters } = configOf(shop, 'web')

  it('name the identity and the server name of each dial port', () => {
    expect(clusters['payments/v1']).toMatchObject({
      workload: 'payments/v1',
      identity: 'spiffe://shop.internal/workload/payments/v1',
      serverNames: { 'payments:80': '80.v1.payments.shop.internal' },
      tls: 'strict',
    })
    expect(clusters.ledger).toMatchObject({
      serverNames: { 'payments:80': '80.ledger.payments.shop.internal' },
      tls: 'permissive',
    })
    expect(clusters.web?.serverNames).toEqual({ 'web:80': '80.web.web.shop.internal' })
  })

  it('have the policies of their own workload', () => {
    expect(clusters['payments/v1']?.circuitBreaker.maxRequests).toBe(1024)
    expect(clusters['payments/v2']?.circuitBreaker.maxRequests).toBe(7)
    expect(clusters.web?.outlierDetection?.consecutiveGatewayErrors).toBe(5)
    expect(clusters.web?.healthCheck).toBeUndefined()
  })

  it('leave out what is switched off', () => {
    const off = configOf({ ...shop, defaults: { outlierDetection: false, healthCheck: {} } }, 'web').clusters
      .web
    expect(off?.outlierDetection).toBeUndefined()
    expect(off?.healthCheck).toMatchObject({ path: '/' })
  })

  it('have a server name for a service whose routes lead to them without standing behind it', () => {
    const document = { ...shop, routes: [{ service: 'web', to: 'payments/v1' }] }
    expect(configOf(document, 'cron').clusters['payments/v1']?.serverNames).toEqual({
      'payments:80': '80.v1.payments.shop.internal',
    })
    expect(configOf(document, 'web').clusters['payments/v1']?.serverNames).toEqual({
      'payments:80': '80.v1.payments.shop.internal',
      'web:80': '80.v1.payments.shop.internal',
    })
  })
})

describe('routes', () => {
  const paymentsOf = (document: MeshDocumentInput) =>
    configOf(document, 'web').outbound.find(({ service }) => service === 'payments')!

  it('stand in order of precedence', () => {
    expect(paymentsOf(shop).routes.map(({ match }) => match)).toEqual([{ methods: ['POST'] }, {}])
  })

  it('stand as listed where the service says so', () => {
    const listed = {
      ...shop,
      services: { ...shop.services, payments: { ...shop.services?.payments, order: 'listed' as const } },
    }
    expect(paymentsOf(listed).routes.map(({ match }) => match)).toEqual([{}, { methods: ['POST'] }])
  })

  it('divide the share of a service among its workloads', () => {
    expect(paymentsOf(shop).routes[0]?.targets).toEqual(
      ['payments/v1', 'payments/v2', 'ledger'].map(workload => ({
        name: 'payments',
        workload,
        weight: 1 / 3,
      })),
    )
  })

  it('fall back to all workloads alike', () => {
    const { fallback } = paymentsOf({ ...shop, routes: [] })
    expect(fallback.targets.map(({ workload, weight }) => [workload, weight])).toEqual([
      ['payments/v1', 1],
      ['payments/v2', 1],
      ['ledger', 1],
    ])
  })

  it('have the share of a pending target without workload', () => {
    const document = {
      ...shop,
      uses: ['orders'],
      routes: [{ service: 'payments', to: { orders: 1, 'payments/v1': 3 } }],
    }
    expect(paymentsOf(document).routes[0]?.targets).toEqual([
      { name: 'orders', weight: 1 },
      { name: 'payments/v1', workload: 'payments/v1', weight: 3 },
    ])
  })

  it('stand once for each host, under one key', () => {
    const match = { host: ['*.a.test', 'b.test'] }
    const { routes } = paymentsOf({ ...shop, routes: [{ service: 'payments', match, to: 'payments/v1' }] })
    expect(routes.map(route => route.match.hosts)).toEqual([['b.test'], ['*.a.test']])
    expect(new Set(routes.map(({ key }) => key)).size).toBe(1)
  })

  it('are known by their name, or by the hash of service and match', () => {
    const route = { service: 'payments', match: { path: '/a' }, to: 'payments/v1' }
    const keyOf = (over: object) => paymentsOf({ ...shop, routes: [{ ...route, ...over }] }).routes[0]?.key
    expect(keyOf({ name: 'canary' })).toBe('canary')
    expect(keyOf({ to: 'payments/v2', retry: { attempts: 1 } })).toBe(keyOf({}))
    expect(keyOf({ match: { path: '/b' } })).not.toBe(keyOf({}))
    const ofWeb = configOf({ ...shop, routes: [{ ...route, service: 'web' }] }, 'web').outbound[0]?.routes[0]
      ?.key
    expect(ofWeb).not.toBe(keyOf({}))
  })

  it('resolve the service that calls to its workloads', () => {
    const match = { source: ['payments', 'cron'] }
    const { routes } = paymentsOf({ ...shop, routes: [{ service: 'payments', match, to: 'payments/v1' }] })
    expect(routes[0]?.match.source).toEqual(['payments/v1', 'payments/v2', 'ledger', 'cron'])
  })

  it('share the budget that one of them writes, over that of service and mesh', () => {
    const budget = (percent: number) => ({ retry: { budget: { percent } } })
    const payments = { ...shop.services?.payments, ...budget(30) }
    const document = { ...shop, defaults: budget(40), services: { ...shop.services, payments } }
    expect(paymentsOf(document).retryBudget.percent).toBe(30)
    const [first, ...rest] = shop.routes ?? []
    expect(
      paymentsOf({ ...document, routes: [{ ...first!, ...budget(10) }, ...rest] }).retryBudget.percent,
    ).toBe(10)
    expect(configOf(document, 'payments/v1').outbound[0]?.retryBudget.percent).toBe(40)
  })

  it('have outlier detection of their own only where they ask for it', () => {
    const route = {
      service: 'payments',
      to: 'payments/v1',
      name: 'a',
      outlierDetection: { consecutiveErrors: 3 },
    }
    const { routes } = paymentsOf({
      ...shop,
      defaults: { outlierDetection: { interval: '1s' } },
      routes: [route],
    })
    expect(routes[0]?.outlierDetection).toMatchObject({ consecutiveErrors: 3, intervalMs: 1000 })
    expect(paymentsOf(shop).routes[0]?.outlierDetection).toBeUndefined()
  })
})

describe('inbound access', () => {
  const services = {
    web: { targetPort: 1 },
    pay: { targetPort: 2, workloads: { v1: {}, v2: {} }, ports: undefined },
  }
  const accessOf = (access: MeshDocumentInput['access'], workload: string) =>
    configOf({ name: 'shop', services, access }, workload).inbound[0]!.access

  it('allows by default until an enforcing rule names the service', () => {
    expect(accessOf(undefined, 'web')).toEqual({ byDefault: 'allow', rules: [] })
    expect(accessOf([{ from: 'web', to: 'pay' }], 'pay/v1').byDefault).toBe('deny')
    expect(accessOf([{ from: 'web', to: 'pay' }], 'web').byDefault).toBe('allow')
    expect(accessOf([{ from: 'web', to: 'pay', mode: 'shadow' }], 'pay/v1')).toMatchObject({
      byDefault: 'allow',
      rules: [{ mode: 'shadow' }],
    })
  })

  it('concerns only the workload that a rule names', () => {
    const access = [{ from: 'web', to: 'pay/v1' }]
    expect(accessOf(access, 'pay/v1').byDefault).toBe('deny')
    expect(accessOf(access, 'pay/v2')).toEqual({ byDefault: 'allow', rules: [] })
  })

  it('denies by default in the whole mesh when the document says so, in either form', () => {
    expect(accessOf('deny', 'web').byDefault).toBe('deny')
    expect(accessOf({ default: 'deny' }, 'web').byDefault).toBe('deny')
    expect(accessOf({ default: 'deny', rules: [{ from: 'pay', to: 'web' }] }, 'web').rules[0]?.from).toEqual([
      'pay/v1',
      'pay/v2',
    ])
  })

  it('calls a rule without name by its place', () => {
    expect(
      accessOf(
        [
          { from: 'web', to: 'pay' },
          { name: 'b', from: 'web', to: 'pay' },
        ],
        'pay/v1',
      ).rules.map(({ name }) => name),
    ).toEqual(['access[0]', 'b'])
  })

  it('has rules of other ports only for their default', () => {
    const ports = { a: { targetPort: 1, port: 81 }, b: { targetPort: 2, port: 82 } }
    const document: MeshDocumentInput = {
      name: 'shop',
      services: { pay: { ports } },
      access: [{ from: 'pay', to: 'pay', ports: [81] }],
    }
    expect(
      configOf(document, 'pay').inbound.map(({ access }) => [access.byDefault, access.rules.length]),
    ).toEqual([
      ['deny', 1],
      ['deny', 0],
    ])
  })
})

describe('selectEndpoints', () => {
  const endpoint: Endpoint = { id: 'e1', address: '10.0.0.1', port: 15_008, weight: 1, health: 'healthy' }

  it('takes the endpoints of the clusters and leaves out what is unknown', () => {
    const config = configOf(shop, 'cron')
    const known = new Map([
      ['payments/v1', [endpoint]],
      ['payments/v2', []],
      ['web', [endpoint]],
    ])
    expect(selectEndpoints(config, known)).toEqual({
      format: 1,
      clusters: { 'payments/v1': [endpoint], 'payments/v2': [] },
    })
  })
})

describe('timeouts', () => {
  it('reach inbound ports from service and mesh, and outbound routes from the route, too', () => {
    const document: MeshDocumentInput = {
      name: 'shop',
      defaults: { timeout: { connect: '2s' } },
      services: { web: { targetPort: 1, timeout: { request: '3s' } } },
      routes: [{ service: 'web', to: 'web', timeout: { idle: '4s' } }],
    }
    const { inbound, outbound } = configOf(document, 'web')
    expect(inbound[0]?.timeout).toEqual({
      requestMs: 3000,
      idleMs: 300_000,
      tcpIdleMs: 3_600_000,
      connectMs: 2000,
    })
    expect(outbound[0]?.routes[0]?.timeout).toEqual({
      requestMs: 3000,
      idleMs: 4000,
      tcpIdleMs: 4000,
      connectMs: 2000,
    })
  })
})
