import { describe, expect, it } from 'vitest'
import { NOTHING_BUT_PROGRESS, project, selvage, selvageJson, start } from './project.ts'

const VALID = `import { defineMesh } from 'selvage'
export default defineMesh({
  name: 'shop',
  services: { web: { targetPort: 3000 }, payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } } },
  routes: [{ service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } }],
})`

/** Ten mistakes, each at the line and column where it stands. */
const TEN_MISTAKES = `name: Shop
services:
  web: { targetPort: 99999 }
  payments:
    targetPort: 8080
    workloads: { v1: {}, v2: {} }
    retyr: { attempts: 3 }
    retry: { attempts: -1, perTryTimeout: 5 parsecs }
routes:
  - service: payment
    to: payments/v1
  - service: payments
    to: { payments/v3: 10 }
  - service: payments
    match: { path: { regex: "(" } }
    to: payments/v1
access:
  - { from: wbe, to: payments }
  - { from: web, to: payments, action: maybe }
`

describe('selvage validate', () => {
  it('says that a valid document is, and ends with 0', async () => {
    const ended = await selvage(project({ 'mesh.ts': VALID }), 'validate')
    expect(ended).toEqual({
      code: 0,
      stdout: '✓ mesh.ts is valid: mesh "shop" with 2 services and 1 route\n',
      stderr: expect.stringMatching(NOTHING_BUT_PROGRESS),
    })
  })

  it('reports all ten mistakes of a YAML document at their places, and ends with 1', async () => {
    const { code, json } = await selvageJson(project({ 'mesh.yaml': TEN_MISTAKES }), 'validate', 'mesh.yaml')
    expect(code).toBe(1)
    expect(json).toMatchObject({ ok: false, file: 'mesh.yaml', warnings: [] })
    const places = json.violations.map(
      ({ path, file, line, column }: Record<string, unknown>) => `${file}:${line}:${column} ${path}`,
    )
    expect(places.sort()).toEqual(
      [
        'mesh.yaml:1:1 name',
        'mesh.yaml:3:10 services.web.targetPort',
        'mesh.yaml:7:5 services.payments.retyr',
        'mesh.yaml:8:14 services.payments.retry.attempts',
        'mesh.yaml:8:28 services.payments.retry.perTryTimeout',
        'mesh.yaml:10:5 routes[0].service',
        'mesh.yaml:13:11 routes[1].to["payments/v3"]',
        'mesh.yaml:15:22 routes[2].match.path.regex',
        'mesh.yaml:18:7 access[0].from',
        'mesh.yaml:19:32 access[1].action',
      ].sort(),
    )
  })

  it('shows them to people as file:line:column, with what was found and the nearest name', async () => {
    const ended = await selvage(project({ 'mesh.yaml': TEN_MISTAKES }), 'validate', 'mesh.yaml')
    expect(ended.code).toBe(1)
    expect(ended.stdout).toMatch(
      /^error: mesh\.yaml:7:5 services\.payments\.retyr: .*did you mean "retry"\?$/m,
    )
    expect(ended.stdout).toContain('✗ mesh.yaml has 10 violations')
  })

  it('reports the violations that defineMesh finds while the module runs', async () => {
    const text = VALID.replace("payments/v2': 10", "payments/v9': 10").replace('3000', '0')
    const { code, json } = await selvageJson(project({ 'mesh.ts': text }), 'validate')
    expect(code).toBe(1)
    expect(json.violations.map(({ path }: { path: string }) => path).sort()).toEqual([
      'routes[0].to["payments/v9"]',
      'services.web.targetPort',
    ])
  })

  it('keeps what a module prints off stdout', async () => {
    const { json, stderr } = await selvageJson(
      project({ 'mesh.ts': `console.log('hello')\n${VALID}` }),
      'validate',
    )
    expect(json.ok).toBe(true)
    expect(stderr).toContain('hello')
  })

  it.each([
    ['a syntax error', 'mesh.ts', 'export default {', 1, /^error: mesh\.ts:1: syntax error: /m],
    [
      'a missing default export',
      'mesh.ts',
      'export const a = 1',
      1,
      /^error: mesh\.ts: expected a default export/m,
    ],
    ['a broken YAML file', 'mesh.yaml', 'a: [', 1, /^error: mesh\.yaml:1:\d+: /m],
  ])('explains %s in one sentence', async (_, name, text, code, message) => {
    const ended = await selvage(project({ [name]: text }), 'validate', name)
    expect(ended.code).toBe(code)
    expect(ended.stderr).toMatch(message)
    expect(ended.stderr).not.toContain('    at ')
    expect(ended.stdout).toBe('')
  })

  it('shows the stack trace only with --verbose', async () => {
    const folder = project({ 'mesh.ts': `function f() { throw new Error('boom') }\nf()` })
    expect((await selvage(folder, 'validate')).stderr).not.toContain('    at f')
    expect((await selvage(folder, 'validate', '--verbose')).stderr).toContain('    at f')
  })

  it('ends with 3 when the file is not there', async () => {
    const { code, json } = await selvageJson(project(), 'validate', 'mesh.ts')
    expect(code).toBe(3)
    expect(json).toMatchObject({
      ok: false,
      error: { exit: 'missing', message: 'cannot read mesh.ts: it does not exist' },
    })
  })
})

describe('the command line', () => {
  it.each([
    [['vaildate'], "unknown command 'vaildate' (Did you mean validate?)"],
    [['validate', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
    [['explain', 'web'], "missing required argument 'path'"],
    [['explain', 'web', 'charges'], '<path>: expected it to begin with "/", found "charges"'],
    [['apply', '--wait', 'long'], '--wait: expected a number of seconds from 0 to 3600, found "long"'],
    [['dev', '--interception', 'magic'], 'Allowed choices are auto, explicit, loopback.'],
    [['dev', '--port', '70000'], '--port: expected a number from 0 to 65535, found "70000"'],
    [['validate', 'mesh.toml'], 'mesh.toml: expected a file that ends in .ts'],
  ])('%j ends with 2 and says what is wrong', async (args, message) => {
    const ended = await selvage(project(), ...args)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(message)
    expect(ended.stdout).toBe('')
  })

  it('answers a wrong command line as JSON, too', async () => {
    const { code, json } = await selvageJson(project(), 'vaildate')
    expect(code).toBe(2)
    expect(json.error.exit).toBe('usage')
  })

  it('shows the commands for --help, the version for --version', async () => {
    const help = await selvage(project(), '--help')
    expect(help.code).toBe(0)
    for (const name of ['init', 'dev', 'validate', 'explain', 'apply', 'status', 'check'])
      expect(help.stdout).toContain(`\n  ${name} `)
    expect(await selvage(project(), '--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })

  it('colours nothing in a pipe', async () => {
    const folder = project({ 'mesh.ts': VALID })
    expect((await selvage(folder, 'validate')).stdout).not.toContain('\x1b[')
  })
})

describe('Ctrl-C', () => {
  it('ends a command that waits for a module which never ends, and the module with it', async () => {
    const folder = project({
      'mesh.ts': `console.log('pid', process.pid)\nsetInterval(() => {}, 1000)\nawait new Promise(() => {})`,
    })
    const running = start(folder, ['validate'])
    await expect.poll(running.stderr, { timeout: 60_000 }).toMatch(/pid \d+/)
    running.child.kill('SIGINT')
    // Its stderr is shared with the module's process: it ends only when that has ended, too.
    expect((await running.ended).code).toBeNull()
  })
})
