import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatJoinToken } from '../../mesh/protocol.ts'
import { readSettings, SettingsError, unknownVariables, VARIABLES } from '../../proxy/settings.ts'
import { tempFolder } from '../support/temp-folder.ts'

const least = {
  SELVAGE_MESH: 'shop',
  SELVAGE_WORKLOAD: 'payments/v1',
  SELVAGE_CONTROL_URL: 'https://127.0.0.1:9443',
}
const token = (workload: string) =>
  formatJoinToken({ mesh: 'shop', workload, id: 'i', secret: 'very-secret', caSha256: 'ab' })

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    readSettings(env)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
}

describe('readSettings', () => {
  test('needs only mesh, workload and control plane, and has documented defaults for the rest', () => {
    const settings = readSettings(least)
    expect(settings).toMatchObject({
      workload: 'payments/v1',
      inbound: { host: '0.0.0.0', port: 15006 },
      admin: { host: '127.0.0.1', port: 15000 },
      health: { host: '0.0.0.0', port: 15021 },
      interception: 'loopback',
      httpProxyPort: undefined,
      drain: { delayMs: 5000, timeoutMs: 30_000 },
      leaseSeconds: 15,
      otlpTracesUrl: undefined,
    })
    expect(settings.limits.maxHeaderBytes).toBe(65_536)
  })

  test('reports every bad value in one go, each with its name, what was found and what was expected', () => {
    expect(
      problemsOf({
        SELVAGE_MESH: 'Shop!',
        SELVAGE_CONTROL_URL: 'ftp://x',
        SELVAGE_ADMIN_PORT: '70000',
        SELVAGE_DRAIN_DELAY: 'soon',
        SELVAGE_APP_PORTS: '3000',
        SELVAGE_INTERCEPTION: 'magic',
      }),
    ).toEqual([
      expect.stringContaining('SELVAGE_MESH: found "Shop!", expected a name in lower case'),
      expect.stringContaining('SELVAGE_CONTROL_URL: found "ftp://x", expected an https URL'),
      expect.stringContaining('SELVAGE_ADMIN_PORT: found "70000", expected a port between 0 and 65535'),
      expect.stringContaining('SELVAGE_INTERCEPTION: found "magic", expected one of "loopback", "explicit"'),
      expect.stringContaining('SELVAGE_APP_PORTS: found "3000", expected a list such as 3000=41234'),
      expect.stringContaining('SELVAGE_DRAIN_DELAY: found "soon", expected a duration such as'),
      expect.stringContaining('SELVAGE_WORKLOAD: it is not set'),
    ])
  })

  test('reads lists of ports and addresses of both families', () => {
    const settings = readSettings({
      ...least,
      SELVAGE_EXPLICIT_PORTS: 'payments:80=41001, ledger:5432=41002',
      SELVAGE_APP_PORTS: '3000=41234',
      SELVAGE_INBOUND_ADDRESS: '[::1]:0',
    })
    expect([...settings.explicitPorts]).toEqual([
      ['payments:80', 41001],
      ['ledger:5432', 41002],
    ])
    expect(settings.app.ports.get(3000)).toBe(41234)
    expect(settings.inbound).toEqual({ host: '::1', port: 0 })
  })

  test('refuses a list that names one key twice', () => {
    expect(problemsOf({ ...least, SELVAGE_APP_PORTS: '3000=1,3000=2' })).toEqual([
      expect.stringContaining('"3000" stands twice'),
    ])
  })

  test('takes the join token from a file', () => {
    const file = join(tempFolder(), 'token')
    writeFileSync(file, `${token('payments/v1')}\n`)
    expect(readSettings({ ...least, SELVAGE_JOIN_TOKEN_FILE: file }).control?.joinToken).toBe(
      token('payments/v1'),
    )
  })

  test('says which file it cannot read', () => {
    expect(problemsOf({ ...least, SELVAGE_JOIN_TOKEN_FILE: '/nowhere/token' })).toEqual([
      expect.stringMatching(/^SELVAGE_JOIN_TOKEN_FILE: \/nowhere\/token: ENOENT/),
    ])
  })

  test('does without the file of a join token that was used, if a certificate was kept', () => {
    const stateDir = tempFolder()
    const env = { ...least, SELVAGE_JOIN_TOKEN_FILE: '/nowhere/token', SELVAGE_STATE_DIR: stateDir }
    expect(problemsOf(env)).toHaveLength(1)
    writeFileSync(join(stateDir, 'identity.json'), '{}')
    expect(problemsOf(env)).toEqual([])
  })

  test('refuses a join token of another workload, or a damaged one, without quoting it', () => {
    const problems = [
      ...problemsOf({ ...least, SELVAGE_JOIN_TOKEN: token('web') }),
      ...problemsOf({ ...least, SELVAGE_JOIN_TOKEN: 'selvage-join-1.garbage-very-secret' }),
    ]
    expect(problems).toEqual([
      'SELVAGE_JOIN_TOKEN: it is for web of mesh shop, expected one for payments/v1 of mesh shop',
      expect.stringContaining('it is damaged'),
    ])
    expect(problems.join()).not.toContain('very-secret')
  })

  test('without a control plane needs a snapshot file and an identity directory', () => {
    const { SELVAGE_CONTROL_URL: _, ...env } = least
    expect(problemsOf(env)).toEqual([
      'SELVAGE_CONTROL_URL: it is not set, and without a control plane SELVAGE_CONFIG_FILE and SELVAGE_IDENTITY_DIR must be',
    ])
    expect(problemsOf({ ...env, SELVAGE_CONFIG_FILE: 's.json', SELVAGE_IDENTITY_DIR: 'd' })).toEqual([])
  })

  test('sends spans to /v1/traces below the general endpoint, or to the exact URL for traces', () => {
    const url = (env: Record<string, string>) => readSettings({ ...least, ...env }).otlpTracesUrl?.href
    expect(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' })).toBe('http://c:4318/v1/traces')
    expect(url({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/x' })).toBe('http://c:4318/x')
  })
})

test('unknownVariables names what looks like a setting and is none', () => {
  expect(unknownVariables({ ...least, SELVAGE_INTERCEPTON: 'explicit', PATH: '/bin' })).toEqual([
    'SELVAGE_INTERCEPTON',
  ])
})

test('every variable has a meaning, and every default is a value that its own parser takes', () => {
  for (const { name, meaning, fallback, parse } of Object.values(VARIABLES)) {
    expect(meaning, name).toMatch(/\.$/)
    if (fallback !== undefined) expect(() => parse(fallback), name).not.toThrow()
  }
})
