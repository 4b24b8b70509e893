import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { type AdminSubject, serveAdmin } from '../../../proxy/admin/admin.ts'
import { serveHealth } from '../../../proxy/admin/health.ts'
import type { Listening } from '../../../proxy/listener/listen.ts'

const open: Listening[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

const ANY = { host: '127.0.0.1', port: 0 }

function subject(more: Partial<AdminSubject> = {}): AdminSubject {
  return {
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: () => '# TYPE a counter\na 1\n',
    stats: () => 'a: 1\n',
    snapshot: () => ({ config: { mesh: 'shop' } }),
    clusters: () => [],
    certificates: () => ({ spiffeId: 'spiffe://shop/workload/web' }),
    listeners: () => [],
    check: async () => ({ workload: 'web', ok: true, findings: [] }),
    drain: () => {},
    ...more,
  }
}

async function admin(more: Partial<AdminSubject> = {}) {
  const listening = await serveAdmin(ANY, subject(more))
  open.push(listening)
  return listening.port
}

function ask(port: number, path: string, method = 'GET', headers: Record<string, string> = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; type: string; body: string }>()
  const sent = request({ host: '127.0.0.1', port, path, method, headers }, response => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', chunk => {
      body += chunk
    })
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }),
    )
  })
  sent.on('error', reject)
  sent.end()
  return promise
}

describe('admin', () => {
  test('lists its pages and answers each of them', async () => {
    const port = await admin()
    const pages = (await ask(port, '/')).body.trim().split('\n')
    expect(pages).toContain('POST /drain')
    for (const page of pages.filter(each => each.startsWith('/'))) {
      expect((await ask(port, page)).status, page).toBe(200)
    }
    expect(JSON.parse((await ask(port, '/snapshot?pretty')).body)).toEqual({ config: { mesh: 'shop' } })
    expect((await ask(port, '/metrics')).type).toContain('version=0.0.4')
  })

  test('drains by POST only', async () => {
    let drained = 0
    const port = await admin({ drain: () => drained++ })
    expect((await ask(port, '/drain')).status).toBe(405)
    expect(drained).toBe(0)
    expect((await ask(port, '/drain', 'POST')).status).toBe(202)
    expect(drained).toBe(1)
  })

  test('refuses to change anything but by its own paths: other methods are 405', async () => {
    const port = await admin()
    expect((await ask(port, '/snapshot', 'POST')).status).toBe(405)
    expect((await ask(port, '/snapshot', 'DELETE')).status).toBe(405)
    expect((await ask(port, '/nowhere')).status).toBe(404)
  })

  test('refuses a Host that is not this machine, and every page of a browser', async () => {
    let drained = 0
    const port = await admin({ drain: () => drained++ })
    expect((await ask(port, '/snapshot', 'GET', { host: 'attacker.example' })).status).toBe(403)
    expect((await ask(port, '/snapshot', 'GET', { host: '127.0.0.1.attacker.example' })).status).toBe(403)
    expect((await ask(port, '/drain', 'POST', { origin: 'http://attacker.example' })).status).toBe(403)
    expect((await ask(port, '/snapshot', 'GET', { host: `localhost:${port}` })).status).toBe(200)
    expect(drained).toBe(0)
  })

  test('says 404 for what is not there yet', async () => {
    const port = await admin({ snapshot: () => undefined })
    expect((await ask(port, '/snapshot')).status).toBe(404)
  })
})

describe('health', () => {
  test('is live from the start and ready when nothing is missing', async () => {
    let reasons = ['there is no certificate yet']
    const health = await serveHealth(ANY, () => ({ ready: reasons.length === 0, reasons }))
    open.push(health)
    expect((await ask(health.port, '/live')).status).toBe(200)
    expect(await ask(health.port, '/ready')).toMatchObject({
      status: 503,
      body: 'there is no certificate yet\n',
    })
    reasons = []
    expect((await ask(health.port, '/ready')).status).toBe(200)
  })

  test('has no other page and changes nothing', async () => {
    const health = await serveHealth(ANY, () => ({ ready: true, reasons: [] }))
    open.push(health)
    expect((await ask(health.port, '/snapshot')).status).toBe(404)
    expect((await ask(health.port, '/ready', 'POST')).status).toBe(405)
  })

  test('says which port it cannot have, and why', async () => {
    const health = await serveHealth(ANY, () => ({ ready: true, reasons: [] }))
    open.push(health)
    await expect(
      serveHealth({ host: '127.0.0.1', port: health.port }, () => ({ ready: true, reasons: [] })),
    ).rejects.toThrow(
      `cannot listen on 127.0.0.1:${health.port} for health: EADDRINUSE; another process has that port`,
    )
  })
})
