import { describe, expect, it } from 'vitest'
import { compileAccess } from '../../mesh/access.ts'
import type { AccessRule } from '../../mesh/policy/access.ts'
import type { InboundAccess } from '../../mesh/snapshot.ts'
import { requestView } from './request-view.ts'

const rule = (over: Partial<AccessRule> = {}): AccessRule => ({
  name: 'rule',
  action: 'allow',
  mode: 'enforce',
  from: ['web'],
  to: ['payments'],
  methods: [],
  paths: [],
  ports: [],
  headers: {},
  ...over,
})
const denying = (...rules: AccessRule[]): InboundAccess => ({ byDefault: 'deny', rules })
const allows = (access: InboundAccess, over: Parameters<typeof requestView>[0] = {}) =>
  compileAccess(access).authorise(requestView({ source: 'web', ...over })).allowed

describe('authorise', () => {
  it('allows everything, even without identity, when no rule names the service', () => {
    const open = { byDefault: 'allow', rules: [] } as const
    expect(allows(open)).toBe(true)
    expect(allows(open, { source: undefined })).toBe(true)
  })

  it('refuses what no rule allows when the service denies by default', () => {
    expect(allows(denying())).toBe(false)
    expect(allows(denying(rule({ from: ['orders'] })))).toBe(false)
    expect(allows(denying(rule()))).toBe(true)
  })

  it('needs a proven identity for a rule from anyone', () => {
    const access = denying(rule({ from: ['*'] }))
    expect(allows(access, { source: 'whoever' })).toBe(true)
    expect(allows(access, { source: undefined })).toBe(false)
  })

  it('allows nobody by a rule that names nobody', () => {
    expect(allows(denying(rule({ from: [] })))).toBe(false)
  })

  it.each<[string, Partial<AccessRule>, Parameters<typeof requestView>[0], boolean]>([
    ['a listed method', { methods: ['GET', 'POST'] }, { method: 'POST' }, true],
    ['another method', { methods: ['GET', 'POST'] }, { method: 'DELETE' }, false],
    ['an exact path', { paths: ['/charges'] }, { path: '/charges' }, true],
    ['more than an exact path', { paths: ['/charges'] }, { path: '/charges/1' }, false],
    ['what follows a star', { paths: ['/charges/*'] }, { path: '/charges/1/items' }, true],
    ['the text before a star alone', { paths: ['/charges/*'] }, { path: '/charges/' }, true],
    ['less than the text before a star', { paths: ['/charges/*'] }, { path: '/charges' }, false],
    ['any of several paths', { paths: ['/a', '/b'] }, { path: '/b' }, true],
    ['a listed port', { ports: [80] }, { port: 80 }, true],
    ['another port', { ports: [80] }, { port: 81 }, false],
    ['a header', { headers: { 'x-team': { exact: 'a' } } }, { headers: { 'x-team': 'a' } }, true],
    ['a missing header', { headers: { 'x-team': { exact: 'a' } } }, {}, false],
  ])('weighs %s', (_what, over, request, expected) => {
    expect(allows(denying(rule(over)), request)).toBe(expected)
  })

  it('lets deny win over allow, wherever it stands', () => {
    const deny = rule({ name: 'no-delete', action: 'deny', methods: ['DELETE'] })
    for (const rules of [
      [rule(), deny],
      [deny, rule()],
    ]) {
      expect(allows(denying(...rules), { method: 'DELETE' })).toBe(false)
      expect(allows(denying(...rules), { method: 'GET' })).toBe(true)
    }
  })

  it('names the rule that decided', () => {
    const access = compileAccess(
      denying(rule({ name: 'reads' }), rule({ name: 'no', action: 'deny', methods: ['PUT'] })),
    )
    expect(access.authorise(requestView({ source: 'web' }))).toMatchObject({ allowed: true, rule: 'reads' })
    expect(access.authorise(requestView({ source: 'web', method: 'PUT', path: '/a' }))).toMatchObject({
      allowed: false,
      rule: 'no',
      reason: 'access rule "no" denies web to PUT /a',
    })
  })

  it('says who may not do what when no rule allows it', () => {
    const { authorise } = compileAccess(denying())
    expect(authorise(requestView({ source: 'orders', method: 'DELETE', path: '/charges/1' })).reason).toBe(
      'no access rule allows orders to DELETE /charges/1',
    )
    expect(authorise(requestView({})).reason).toContain('a caller without a proven identity')
  })

  it('keeps reasons printable and short whatever the path is', () => {
    const { reason } = compileAccess(denying()).authorise(
      requestView({ path: `/\r\nx: y\u00e9${'a'.repeat(500)}` }),
    )
    expect(reason).toMatch(/^[\x20-\x7e]*$/)
    expect(reason.length).toBeLessThan(250)
  })
})

describe('paths that an app may decode further', () => {
  const escapes = [
    '/charges/..%2fadmin',
    '/charges/%252e%252e/admin',
    '/charges/..%5cadmin',
    '/charges%2f..%2fadmin',
  ]

  it.each(escapes)('does not allow %s by a rule for what it seems to be', path => {
    expect(allows(denying(rule({ paths: ['/charges/*', '/charges*'] })), { path })).toBe(false)
  })

  it.each([...escapes, '/admin', '//admin', '/%61dmin', '/a%64min'])(
    'denies %s by a rule for what it may become',
    path => {
      const access = denying(rule(), rule({ action: 'deny', paths: ['/admin'] }))
      expect(allows(access, { path })).toBe(false)
      expect(allows(access, { path: '/administrator' })).toBe(true)
    },
  )

  it('denies by the path as forwarded, too', () => {
    const access = denying(rule(), rule({ action: 'deny', paths: ['/a%2fb'] }))
    expect(allows(access, { path: '/a%2fb' })).toBe(false)
  })

  it('allows an escaped path by a rule that is written the same way', () => {
    expect(allows(denying(rule({ paths: ['/files/a%20b/*'] })), { path: '/files/a%20b/c' })).toBe(true)
    expect(allows(denying(rule({ paths: ['/caf%C3%A9'] })), { path: '/caf%C3%A9' })).toBe(true)
    expect(
      allows(denying(rule({ paths: ['/repo/%40scope%2fname'] })), { path: '/repo/%40scope%2fname' }),
    ).toBe(true)
  })

  it('takes a dot at the end of an open pattern as the begin of a name', () => {
    const access = denying(rule({ paths: ['/.*'] }))
    expect(allows(access, { path: '/.well-known/x' })).toBe(true)
    expect(allows(access, { path: '/.x/..%2fadmin' })).toBe(false)
  })

  it('neither allows nor spares a path whose decoded form holds a NUL', () => {
    expect(allows(denying(rule({ paths: ['/*'] })), { path: '/a%2500' })).toBe(false)
    expect(allows(denying(rule(), rule({ action: 'deny', paths: ['/admin'] })), { path: '/a%2500' })).toBe(
      false,
    )
  })
})

describe('shadow rules', () => {
  it('never change a verdict', () => {
    const shadow = rule({ name: 'dry', action: 'deny', mode: 'shadow' })
    expect(allows({ byDefault: 'allow', rules: [shadow] })).toBe(true)
    expect(allows(denying(rule(), shadow))).toBe(true)
    expect(allows(denying(rule({ mode: 'shadow' })))).toBe(false)
  })

  it('tell which of them hold and what they would have done', () => {
    const shadow = rule({ name: 'dry', action: 'deny', mode: 'shadow', methods: ['PUT'] })
    const { authorise } = compileAccess(denying(rule(), shadow))
    expect(authorise(requestView({ source: 'web', method: 'PUT' })).shadow).toEqual({
      rules: ['dry'],
      allowed: false,
    })
    expect(authorise(requestView({ source: 'web' })).shadow).toEqual({ rules: [], allowed: true })
  })

  it('would make a service deny by default that no enforcing rule names', () => {
    const { authorise } = compileAccess({ byDefault: 'allow', rules: [rule({ mode: 'shadow' })] })
    expect(authorise(requestView({ source: 'orders' }))).toMatchObject({
      allowed: true,
      shadow: { allowed: false },
    })
  })

  it('are not spoken of when there are none', () => {
    expect(compileAccess(denying(rule())).authorise(requestView({ source: 'web' })).shadow).toBeUndefined()
  })
})

describe('connections of plain bytes', () => {
  const allowsConnection = (access: InboundAccess, source: string | undefined, port = 5432) =>
    compileAccess(access).authoriseConnection({ source, port }).allowed

  it('are allowed by a rule on caller and port', () => {
    const access = denying(rule({ ports: [5432] }))
    expect(allowsConnection(access, 'web')).toBe(true)
    expect(allowsConnection(access, 'web', 5433)).toBe(false)
    expect(allowsConnection(access, 'orders')).toBe(false)
    expect(allowsConnection(access, undefined)).toBe(false)
  })

  it.each<Partial<AccessRule>>([
    { methods: ['GET'] },
    { paths: ['/*'] },
    { headers: { a: { absent: true } } },
  ])('are not allowed by a rule that asks for %o, and denied by one', over => {
    expect(allowsConnection(denying(rule(over)), 'web')).toBe(false)
    expect(allowsConnection(denying(rule(), rule({ ...over, action: 'deny' })), 'web')).toBe(false)
  })

  it('are refused with a reason', () => {
    expect(compileAccess(denying()).authoriseConnection({ source: 'web', port: 5432 }).reason).toBe(
      'no access rule allows web to connect to port 5432',
    )
  })
})
