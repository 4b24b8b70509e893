import { describe, expect, it } from 'vitest'
import type { MeshDocumentInput } from '../../mesh/document.ts'
import { validate } from '../../mesh/validate.ts'

const services = {
  web: { targetPort: 3000 },
  payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } },
}
const withServices = (over: object) => ({ name: 'shop', services: { ...services }, ...over })
const withRoute = (route: object) =>
  withServices({ routes: [{ service: 'payments', to: 'payments', ...route }] })
const withRule = (rule: object) => withServices({ access: [{ from: 'web', to: 'payments', ...rule }] })
const withService = (service: object) => ({
  name: 'shop',
  services: { ...services, extra: { targetPort: 9000, ...service } },
})

const violationsOf = (value: unknown) => validate(value).violations
const warningsOf = (value: unknown) => {
  expect(validate(value).violations).toEqual([])
  return validate(value).warnings
}

describe('validate', () => {
  it('accepts the example of the documentation', () => {
    const document: MeshDocumentInput = {
      name: 'shop',
      services: {
        web: { targetPort: 3000 },
        payments: {
          targetPort: 8080,
          workloads: { v1: {}, v2: {} },
          circuitBreaker: { maxConnections: 100, maxPendingRequests: 50, maxRequestsPerConnection: 2 },
          outlierDetection: { consecutiveErrors: 5, interval: '30s', baseEjectionTime: '30s' },
        },
      },
      routes: [
        { service: 'payments', match: { headers: { 'x-user-type': 'beta-tester' } }, to: 'payments/v2' },
        {
          service: 'payments',
          to: { 'payments/v1': 90, 'payments/v2': 10 },
          retry: { attempts: 3, on: ['5xx', 'reset'], perTryTimeout: '250ms', budget: { percent: 20 } },
        },
      ],
      access: [{ from: 'web', to: 'payments', methods: ['GET', 'POST'], paths: ['/charges/*'] }],
    }
    expect(validate(document)).toEqual({ ok: true, document, violations: [], warnings: [] })
  })

  it('reports ten mistakes of a document, each at its path', () => {
    const violations = violationsOf({
      name: 'Shop',
      domian: 'shop.test',
      services: {
        web: { targetPort: 70_000, calls: ['payment'] },
        payments: { targetPort: 8080, workloads: { v1: {}, v2: {} }, retry: { on: ['5xx', 'rest'] } },
      },
      routes: [
        { service: 'payments', to: 'payments/v3', outlierDetection: { consecutiveErrors: 5 } },
        { service: 'payments', match: { path: { regex: '(' } }, to: { 'payments/v1': -1 } },
      ],
      access: [{ from: 'wbe', to: 'payments' }],
    })
    expect(violations.map(({ path }) => path).sort()).toEqual(
      [
        'name',
        'domian',
        'services.web.targetPort',
        'services.web.calls[0]',
        'services.payments.retry.on[1]',
        'routes[0].to',
        'routes[0].outlierDetection',
        'routes[1].match.path.regex',
        'routes[1].to["payments/v1"]',
        'access[0].from',
      ].sort(),
    )
  })

  it('says what was found, what was expected and the nearest name', () => {
    const [violation] = violationsOf(withRoute({ to: 'payments/v3' }))
    expect(violation?.message).toBe(
      'found the unknown name "payments/v3", expected a service or workload: one of "web", "payments", ' +
        '"payments/v1", "payments/v2"; did you mean "payments/v1"?',
    )
  })

  it('names the nearest key of a misspelt one, however deep', () => {
    const [violation] = violationsOf(withRoute({ retry: { budget: { percnt: 20 } } }))
    expect(violation).toEqual({
      path: 'routes[0].retry.budget.percnt',
      message:
        'found the unknown key "percnt", expected one of "percent", "minPerSecond"; did you mean "percent"?',
    })
  })

  it('names the nearest value of a misspelt one', () => {
    const [violation] = violationsOf(withServices({ normalise: 'merge-slash' }))
    expect(violation?.path).toBe('normalise')
    expect(violation?.message).toContain('found "merge-slash"')
    expect(violation?.message).toContain('did you mean "merge-slashes"?')
  })

  it('checks the rest of what lacks something that it needs', () => {
    const document = withServices({
      routes: [
        { service: 'paymnts' },
        { to: 'payments/v3', match: { source: 'wob' } },
        { service: 3, to: [{ weight: 1 }, { target: 'wob' }] },
      ],
      access: [{ to: 'paymnts' }, { from: 'wob' }],
    })
    expect(violationsOf(document).map(({ path }) => path)).toEqual([
      'routes[0].to',
      'routes[1].service',
      'routes[2].service',
      'routes[2].to[0].target',
      'access[0].from',
      'access[1].to',
      'routes[0].service',
      'routes[1].match.source',
      'routes[1].to',
      'routes[2].to[1].target',
      'access[0].to',
      'access[1].from',
    ])
  })

  it('keeps the places of a list whose wrong elements it leaves out', () => {
    const routes = [3, { service: 'payments', to: 'payments' }, null, { service: 'paymnts', to: 'payments' }]
    expect(violationsOf(withServices({ routes })).map(({ path }) => path)).toEqual([
      'routes[0]',
      'routes[2]',
      'routes[3].service',
    ])
  })

  it('does not report as unknown the name of a service that has mistakes itself', () => {
    const document = {
      name: 'shop',
      services: { web: 3, Bad: { targetPort: 'x' } },
      routes: [{ service: 'web', to: 'Bad' }],
    }
    expect(violationsOf(document).map(({ path }) => path)).toEqual([
      'services.web',
      'services.Bad.targetPort',
      'services.Bad',
    ])
  })

  it.each([
    ['null', null],
    ['a number', 3],
    ['a list', []],
    ['a string', 'name: shop'],
    ['nothing', undefined],
  ])('reports %s as no document', (_what, value) => {
    expect(violationsOf(value)).toEqual([
      { path: '', message: expect.stringContaining('expected an object') },
    ])
  })

  it('reports a value that contains itself instead of following it', () => {
    const not: Record<string, unknown> = {}
    not.not = not
    expect(violationsOf(withRoute({ match: { headers: { a: not } } }))).toContainEqual({
      path: 'routes[0].match.headers.a.not',
      message: 'found a value that contains itself, expected plain data without cycles',
    })
  })

  it('reports values nested too deep', () => {
    let not: unknown = 'x'
    for (let depth = 0; depth < 100; depth++) not = { not }
    expect(violationsOf(withRoute({ match: { headers: { a: not } } }))[0]?.message).toContain(
      'nested more than 40 deep',
    )
  })

  it('reports what is no plain data', () => {
    const paths = violationsOf(withServices({ telemetry: new Map(), domain: () => 'x' })).map(
      ({ path }) => path,
    )
    expect(paths).toEqual(['telemetry', 'domain'])
  })

  it('does not let a document change prototypes', () => {
    const value: unknown = JSON.parse('{ "name": "shop", "services": { "__proto__": { "targetPort": 1 } } }')
    expect(violationsOf(value)[0]?.path).toBe('services.__proto__')
    expect(violationsOf({ name: 'shop', services: { constructor: { targetPort: 1 } } })[0]?.path).toBe(
      'services.constructor',
    )
  })

  it('gives a copy that does not change with the value', () => {
    const value = { name: 'shop', services: { web: { targetPort: 3000 } } }
    const checked = validate(value)
    value.services.web.targetPort = 1
    expect(checked.ok && checked.document.services?.web?.targetPort).toBe(3000)
  })
})

/** One mistake each, and the place where it is reported. */
const mistakes: readonly (readonly [string, unknown, path: string, message: string])[] = [
  ['a mesh without name', {}, 'name', 'found nothing'],
  ['an unknown key', withServices({ mirror: {} }), 'mirror', 'unknown key'],
  [
    'a name in upper case',
    { name: 'shop', services: { Web: { targetPort: 1 } } },
    'services.Web',
    'DNS label',
  ],
  [
    'a name with two dashes',
    { name: 'shop', services: { 'a--b': { targetPort: 1 } } },
    'services.a--b',
    'single dashes',
  ],
  [
    'a name that is too long',
    { name: 'shop', services: { ['a'.repeat(64)]: { targetPort: 1 } } },
    `services.${'a'.repeat(64)}`,
    '63',
  ],
  [
    'a name that dots make too long',
    { name: 'shop', services: { [`${'a.'.repeat(25)}a${'b'.repeat(12)}`]: { targetPort: 1 } } },
    `services["${'a.'.repeat(25)}a${'b'.repeat(12)}"]`,
    '63',
  ],
  [
    'a workload with two dashes',
    withService({ workloads: { 'v--1': {} } }),
    'services.extra.workloads.v--1',
    'single dashes',
  ],
  ['a domain that is no DNS name', withServices({ domain: 'shop_internal' }), 'domain', 'DNS name'],
  [
    'a service without port',
    withService({ targetPort: undefined }),
    'services.extra',
    'neither targetPort nor ports',
  ],
  ['a port out of range', withService({ port: 0 }), 'services.extra.port', 'at least 1'],
  [
    'both forms of ports',
    withService({ ports: { a: { targetPort: 1 } } }),
    'services.extra.targetPort',
    'beside ports',
  ],
  [
    'no ports in the long form',
    withService({ targetPort: undefined, ports: {} }),
    'services.extra.ports',
    'at least one',
  ],
  [
    'one dial port twice',
    withService({ targetPort: undefined, ports: { a: { targetPort: 1 }, b: { targetPort: 2 } } }),
    'services.extra.ports.b',
    'dial port 80 twice',
  ],
  [
    'an unknown protocol',
    withService({ protocol: 'htp' }),
    'services.extra.protocol',
    'did you mean "http"?',
  ],
  [
    'an unknown name in calls',
    withService({ calls: ['web', 'paymnts'] }),
    'services.extra.calls[1]',
    'did you mean "payments"?',
  ],
  [
    "an unknown name in a workload's calls",
    withService({ workloads: { v1: { calls: ['wb'] } } }),
    'services.extra.workloads.v1.calls[0]',
    'did you mean "web"?',
  ],
  [
    'a host of another service',
    withService({ hosts: ['payments.shop.internal'] }),
    'services.extra.hosts[0]',
    'host of the service "payments"',
  ],
  [
    'the short name of another service as a host',
    withService({ hosts: ['web'] }),
    'services.extra.hosts[0]',
    'host of the service "web"',
  ],
  ['a host twice', withService({ hosts: ['a.test', 'a.test'] }), 'services.extra.hosts[1]', 'twice'],
  ['a host with a port', withService({ hosts: ['a.test:80'] }), 'services.extra.hosts[0]', 'without port'],
  ['a wildcard as a host', withService({ hosts: ['*.a.test'] }), 'services.extra.hosts[0]', 'a host'],
  [
    'a workload named as a service without workloads',
    withServices({ workloads: { web: {} } }),
    'workloads.web',
    'having no workloads',
  ],
  [
    'a workload named as a service',
    withServices({ workloads: { payments: {} } }),
    'workloads.payments',
    'named as the service',
  ],
  [
    'a workload behind an unknown service',
    withServices({ workloads: { cron: { services: ['wbe'] } } }),
    'workloads.cron.services[0]',
    'did you mean "web"?',
  ],
  [
    'a workload whose DNS name is taken',
    withServices({ workloads: { v1: { services: ['payments'] } } }),
    'workloads.v1.services[0]',
    'same DNS name',
  ],
  [
    'a dial port that the caller itself binds',
    withService({ port: 3000 }),
    'services.extra',
    'targetPort of "web"',
  ],
  ['a use of what is defined here', withServices({ uses: ['web'] }), 'uses[0]', 'defined here'],
  ['a use that is no name', withServices({ uses: ['a/b/c'] }), 'uses[0]', 'of another fragment'],
  [
    'a route of an unknown service',
    withRoute({ service: 'paymets' }),
    'routes[0].service',
    'did you mean "payments"?',
  ],
  ['a route of a workload', withRoute({ service: 'payments/v1' }), 'routes[0].service', 'it is a workload'],
  [
    'an unknown target in a map',
    withRoute({ to: { 'payments/v9': 1 } }),
    'routes[0].to["payments/v9"]',
    'unknown name',
  ],
  [
    'an unknown target in a list',
    withRoute({ to: [{ target: 'payments/v9' }] }),
    'routes[0].to[0].target',
    'unknown name',
  ],
  ['no target', withRoute({ to: {} }), 'routes[0].to', 'at least one'],
  [
    'a negative weight',
    withRoute({ to: [{ target: 'payments', weight: -1 }] }),
    'routes[0].to[0].weight',
    'at least 0',
  ],
  [
    'a target that answers no calls',
    { ...withRoute({ to: 'cron' }), workloads: { cron: {} } },
    'routes[0].to',
    'stands behind no service',
  ],
  [
    'a target port that is not there',
    withRoute({ to: [{ target: 'payments/v1', port: 81 }] }),
    'routes[0].to[0].target',
    'does not answer port 81',
  ],
  [
    'an unknown source',
    withRoute({ match: { source: ['wob'] } }),
    'routes[0].match.source[0]',
    'did you mean "web"?',
  ],
  ['a port that nobody dials', withRoute({ match: { port: 8080 } }), 'routes[0].match.port', '80'],
  [
    'outlierDetection on a route without name',
    withRoute({ outlierDetection: {} }),
    'routes[0].outlierDetection',
    'expected a name',
  ],
  [
    'a bad regular expression',
    withRoute({ match: { headers: { a: { regex: '(?=x)' } } } }),
    'routes[0].match.headers.a.regex',
    'RE2',
  ],
  [
    'a regular expression that is too long',
    withRoute({ match: { path: { regex: 'a'.repeat(1025) } } }),
    'routes[0].match.path.regex',
    'at most 1024',
  ],
  [
    'a regular expression that costs too much',
    withRoute({ match: { path: { regex: 'a{500}b{500}c{500}d{500}e{500}' } } }),
    'routes[0].match.path.regex',
    'steps',
  ],
  [
    'a bad template',
    withRoute({ match: { path: { template: '/users/{id' } } }),
    'routes[0].match.path.template',
    '{id}',
  ],
  [
    'a variable twice',
    withRoute({ match: { path: { template: '/{a}/{a}' } } }),
    'routes[0].match.path.template',
    'twice',
  ],
  ['a star in an exact path', withRoute({ match: { path: '/a/*' } }), 'routes[0].match.path', 'no wildcard'],
  [
    'a path with a query',
    withRoute({ match: { path: { prefix: '/a?b' } } }),
    'routes[0].match.path.prefix',
    'no query',
  ],
  [
    'a path that never arrives',
    withRoute({ match: { path: '/a/../b' } }),
    'routes[0].match.path',
    'expected "/b"',
  ],
  [
    'a path that never arrives at this level',
    withServices({
      normalise: 'merge-slashes',
      routes: [{ service: 'web', to: 'web', match: { path: { prefix: '/a//b' } } }],
    }),
    'routes[0].match.path.prefix',
    'expected "/a/b"',
  ],
  [
    'two kinds of path',
    withRoute({ match: { path: { exact: '/a', prefix: '/b' } } }),
    'routes[0].match.path',
    'exactly one of',
  ],
  [
    'no kind of string',
    withRoute({ match: { headers: { a: {} } } }),
    'routes[0].match.headers.a',
    'exactly one of',
  ],
  [
    'ignoreCase without text',
    withRoute({ match: { headers: { a: { present: true, ignoreCase: true } } } }),
    'routes[0].match.headers.a',
    'without text',
  ],
  [
    'an empty range',
    withRoute({ match: { headers: { a: { range: { from: 2, to: 2 } } } } }),
    'routes[0].match.headers.a.range',
    'less than',
  ],
  ['a method in lower case', withRoute({ match: { method: 'get' } }), 'routes[0].match.method', 'upper case'],
  [
    'gRPC and a path',
    withRoute({ match: { path: '/a', grpc: { service: 'a' } } }),
    'routes[0].match',
    'only one of grpc and path',
  ],
  [
    'a header that cannot be',
    withRoute({ match: { headers: { 'a b': 'x' } } }),
    'routes[0].match.headers["a b"]',
    'header field',
  ],
  [
    'a host pattern in upper case',
    withRoute({ match: { host: 'A.test' } }),
    'routes[0].match.host',
    'lower case',
  ],
  [
    'a duration without unit',
    withRoute({ retry: { perTryTimeout: '250' } }),
    'routes[0].retry.perTryTimeout',
    '"250ms"',
  ],
  [
    'a back-off that shrinks',
    withRoute({ retry: { backoff: { base: '2s', max: '1s' } } }),
    'routes[0].retry.backoff',
    'at most the max',
  ],
  [
    'a percentage above 100',
    withRoute({ retry: { budget: { percent: 120 } } }),
    'routes[0].retry.budget.percent',
    'at most 100',
  ],
  [
    'a body limit above what is kept',
    withRoute({ retry: { maxBody: '1GiB' } }),
    'routes[0].retry.maxBody',
    'at most',
  ],
  [
    'two names of routes alike',
    withServices({
      routes: [1, 2].map(() => ({ name: 'a', service: 'web', to: 'web', match: { port: 80 } })),
    }),
    'routes[1].name',
    'routes[0]',
  ],
  [
    'two budgets of one service',
    withServices({
      routes: [1, 2].map(percent => ({
        service: 'web',
        to: 'web',
        match: { path: `/${percent}` },
        retry: { budget: { percent } },
      })),
    }),
    'routes[1].retry.budget',
    'belongs to the service',
  ],
  [
    'a priority among listed routes',
    { ...withService({ order: 'listed' }), routes: [{ service: 'extra', to: 'extra', priority: 1 }] },
    'routes[0].priority',
    'in the order',
  ],
  [
    'a condition on HTTP of TCP',
    {
      ...withService({ protocol: 'tcp' }),
      routes: [{ service: 'extra', to: 'extra', match: { path: '/a' } }],
    },
    'routes[0].match.path',
    'all ports of "extra" are tcp',
  ],
  [
    'a rule from an unknown name',
    withRule({ from: ['*', 'wob'] }),
    'access[0].from[1]',
    'did you mean "web"?',
  ],
  ['a rule to an unknown name', withRule({ to: 'paymnts' }), 'access[0].to', 'did you mean "payments"?'],
  ['a rule without caller', withRule({ from: undefined }), 'access[0].from', 'found nothing'],
  [
    'a rule with a star in mid-path',
    withRule({ paths: ['/a/*/b'] }),
    'access[0].paths[0]',
    'only at its end',
  ],
  [
    'a rule with a path that never arrives',
    withRule({ paths: ['/a/./b'] }),
    'access[0].paths[0]',
    'expected "/a/b"',
  ],
  ['a rule with a port that nobody dials', withRule({ ports: [8080] }), 'access[0].ports[0]', '80'],
  [
    'a rule on HTTP of TCP',
    { ...withService({ protocol: 'tcp' }), access: [{ from: 'web', to: 'extra', methods: ['GET'] }] },
    'access[0].methods',
    'all ports of the target are tcp',
  ],
  [
    'a rule in the long form',
    withServices({ access: { default: 'deny', rules: [{ from: 'x', to: 'web' }] } }),
    'access.rules[0].from',
    'unknown name',
  ],
  [
    'an access that is neither word nor list',
    withServices({ access: 'dny' }),
    'access',
    'did you mean "deny"?',
  ],
  [
    'a sample above 100',
    withServices({ telemetry: { tracing: { sample: 101 } } }),
    'telemetry.tracing.sample',
    'at most 100',
  ],
]

describe('violations', () => {
  it.each(mistakes)('reports %s', (_what, document, path, message) => {
    const violations = violationsOf(document)
    expect(violations).toHaveLength(1)
    expect(violations[0]?.path).toBe(path)
    expect(violations[0]?.message).toContain(message)
  })
})

describe('ports', () => {
  const tcp = (name: string, over = {}) => ({
    [name]: { targetPort: 5432, protocol: 'tcp' as const, ...over },
  })

  it('accepts a TCP service, whose dial port is the one that its own app binds', () => {
    expect(violationsOf({ name: 'shop', services: tcp('db') })).toEqual([])
  })

  it('refuses two that may call each other on the port that both bind, and accepts them when they do not', () => {
    const both = { ...tcp('db'), ...tcp('ledger') }
    const [violation] = violationsOf({ name: 'shop', services: both })
    expect(violation?.path).toBe('services.ledger')
    expect(violation?.message).toContain('"db"')
    const apart = { ...tcp('db', { calls: [] }), ...tcp('ledger', { calls: [] }) }
    expect(violationsOf({ name: 'shop', services: apart })).toEqual([])
  })

  it('refuses a service that lists itself under calls on the port that it binds', () => {
    expect(violationsOf({ name: 'shop', services: tcp('db', { calls: ['db'] }) })[0]?.path).toBe(
      'services.db',
    )
  })
})

describe('warnings', () => {
  it.each([
    ['a name that is pending', withServices({ uses: ['orders'] }), 'uses[0]', 'pending'],
    [
      'a route that is never reached',
      withServices({ routes: [1, 2].map(() => ({ service: 'web', to: 'web' })) }),
      'routes[1]',
      'never reached',
    ],
    ['weights that are all 0', withRoute({ to: { 'payments/v1': 0 } }), 'routes[0].to', '500'],
    ['a service with deny rules alone', withRule({ action: 'deny' }), 'access[0]', 'denies by default'],
    [
      'two rules of one name',
      withServices({ access: [1, 2].map(() => ({ name: 'a', from: 'web', to: 'payments' })) }),
      'access[1].name',
      'rule 0',
    ],
  ])('warns of %s', (_what, document, path, message) => {
    const warnings = warningsOf(document)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]?.path).toBe(path)
    expect(warnings[0]?.message).toContain(message)
  })

  it('does not warn of a deny rule beside one that allows, or of a shadow rule', () => {
    const rules = [
      { from: '*', to: 'payments' },
      { action: 'deny', from: 'web', to: 'payments', methods: ['DELETE'] },
      { action: 'deny', mode: 'shadow', from: 'web', to: 'web' },
    ]
    expect(warningsOf(withServices({ access: rules }))).toEqual([])
  })
})

const named = <Value>(count: number, value: Value) =>
  Array.from({ length: count }, (_, index) => [`s${index}`, value] as const)

describe('limits', () => {
  it('refuses more services than a control plane is built for', () => {
    const many = Object.fromEntries(
      Array.from({ length: 10_001 }, (_, index) => [`s${index}`, { targetPort: 8080 }]),
    )
    expect(violationsOf({ name: 'shop', services: many })).toContainEqual({
      path: 'services',
      message: 'found 10001 entries, expected at most 10000',
    })
  })

  it('quotes a long value only in part', () => {
    const [violation] = violationsOf(withServices({ normalise: 'x'.repeat(10_000) }))
    expect(violation?.message.length).toBeLessThan(300)
  })

  it.each([
    ['of wrong shape', { services: Object.fromEntries(named(500, { targetPort: 'x' })) }],
    ['with unknown keys', Object.fromEntries(named(500, 1))],
    ['that name nothing', { routes: named(500, 0).map(([name]) => ({ service: name, to: name })) }],
    ['that are no plain data', { uses: named(500, 0).map(() => () => 0) }],
  ])('reports the first hundred of many things %s, and says that there are more', (_, wrong) => {
    const violations = violationsOf({ name: 'shop', ...wrong })
    expect(violations).toHaveLength(101)
    expect(violations.at(-1)).toEqual({
      path: '',
      message: 'found more than 100 violations; these are the first',
    })
  })

  it('reports more mistakes than a call of a function can have arguments', () => {
    const services = Object.fromEntries(named(150_000, {}))
    expect(violationsOf({ name: 'shop', services }).length).toBeGreaterThan(0)
  })

  it('reports at most a hundred colliding ports', () => {
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`s${index}`, { targetPort: 80 }]),
    )
    expect(violationsOf({ name: 'shop', services: many })).toHaveLength(100)
  })
})
