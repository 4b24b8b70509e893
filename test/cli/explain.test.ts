import { describe, expect, it } from 'vitest'
import { project, selvage, selvageJson } from './project.ts'

const MESH = {
  name: 'shop',
  services: {
    web: { targetPort: 3000 },
    payments: { targetPort: 8080, workloads: { v1: {}, v2: {} }, retry: { attempts: 3 } },
  },
  routes: [
    { service: 'payments', match: { headers: { 'x-user-type': 'beta-tester' } }, to: 'payments/v2' },
    { name: 'canary', service: 'payments', to: { 'payments/v1': 90, 'payments/v2': 10 } },
  ],
  access: [{ name: 'web-pays', from: 'web', to: 'payments', methods: ['GET'] }],
}
const folder = () => project({ 'mesh.json': JSON.stringify(MESH) })

describe('selvage explain', () => {
  it('shows the verdict, the routes with why not, the split, what was set and the access rule', async () => {
    const { code, stdout } = await selvage(
      folder(),
      'explain',
      'payments',
      '/charges/1?a=b',
      '--source',
      'web',
    )
    expect(code).toBe(0)
    expect(stdout).toContain(
      'GET http://payments.shop.internal:80/charges/1?a=b from web\n→ forwarded by routes[1]\n',
    )
    expect(stdout).toContain('✗ routes[0]\n      ✗ headers "x-user-type" exact "beta-tester" (found nothing)')
    expect(stdout).toContain('✓ routes[1] "canary" taken')
    expect(stdout).toMatch(/90 % {2}payments\/v1 {2}port 80\n {2}10 % {2}payments\/v2 {2}port 80\n/)
    expect(stdout).toMatch(/retry\.attempts {2}3 {2}service payments/)
    expect(stdout).toContain('✓ access rule "web-pays" allows it')
  })

  it('takes method and headers, whatever their case and spaces', async () => {
    const args = [
      'explain',
      'payments',
      '/',
      '--source',
      'web',
      '--method',
      'DELETE',
      '--header',
      'X-User-Type:  beta-tester',
    ]
    const { code, json } = await selvageJson(folder(), ...args)
    expect(code).toBe(0)
    expect(json).toMatchObject({
      ok: true,
      outcome: { kind: 'refused', status: 403, flag: 'UAEX' },
      backends: [{ workload: 'payments/v2', percent: 100 }],
      access: { allowed: false },
    })
  })

  it('hides policy fields that nobody set until asked', async () => {
    const base = ['explain', 'payments', '/', '--source', 'web']
    expect((await selvage(folder(), ...base)).stdout).not.toContain('timeout.requestMs')
    expect((await selvage(folder(), ...base, '--defaults')).stdout).toMatch(
      /timeout\.requestMs +15000 +default/,
    )
  })

  it.each([
    [['paymnets', '/'], 'did you mean "payments"?'],
    [['payments', '/', '--source', 'wbe'], 'did you mean "web"?'],
    [['payments', '/', '--header', 'no colon'], '--header: expected <name>:<value>'],
    [['payments', '/', '--port', 'x'], '--port: expected a number'],
    [['payments', '/', '--port', '81'], 'port: found "81", expected'],
  ])('%j ends with 2', async (args, message) => {
    const ended = await selvage(folder(), 'explain', ...args)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(message)
  })

  it('ends with 1 and the violations when the document is wrong', async () => {
    const wrong = project({ 'mesh.yaml': 'name: shop\nservices:\n  web: { port: x }\n' })
    const { code, json } = await selvageJson(wrong, 'explain', 'web', '/', '--file', 'mesh.yaml')
    expect(code).toBe(1)
    expect(json.error).toMatchObject({
      exit: 'wrong',
      violations: expect.arrayContaining([expect.objectContaining({ line: 3 })]),
    })
  })
})
