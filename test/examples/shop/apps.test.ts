import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../examples/shop/ports.ts'
import { Fleet, type Process } from '../../../examples/shop/processes.ts'
import { visitWeb } from '../../../examples/shop/traffic.ts'

/** The shop's apps know nothing of a mesh: here they call each other directly. */
describe('apps of the shop', () => {
  const fleet = new Fleet()
  const folder = mkdtempSync(join(tmpdir(), 'selvage-apps-'))
  const receipts = join(folder, 'receipts')
  let payments: URL
  let web: URL
  let paymentsProcess: Process

  const start = async (app: string, env: Record<string, string>): Promise<[URL, Process]> => {
    const port = await freePort()
    const script = new URL(`../../../examples/shop/apps/${app}.ts`, import.meta.url)
    const process = fleet.start({ name: app, script, env: { PORT: String(port), ...env } })
    await process.event('listening', 10_000)
    return [new URL(`http://127.0.0.1:${port}`), process]
  }
  const visit = (method: string, path: string, id = 'c1') =>
    visitWeb(web, { id, method, path, betaTester: false })

  beforeAll(async () => {
    const about = { VERSION: 'v2', INSTANCE: 'payments-v2-c', RECEIPTS: receipts }
    ;[payments, paymentsProcess] = await start('payments', about)
    const [orders] = await start('orders', { PAYMENTS_URL: payments.href })
    ;[web] = await start('web', { PAYMENTS_URL: payments.href, ORDERS_URL: orders.href })
  })
  afterAll(() => {
    fleet.killAllNow()
    rmSync(folder, { recursive: true, force: true })
  })

  it('say who answered, through orders too', async () => {
    for (const path of ['/charges/c1', '/orders/c1']) {
      const answer = await visit('GET', path)
      expect(answer.status).toBe(200)
      expect(answer.servedBy).toEqual({ version: 'payments/v2', instance: 'payments-v2-c' })
    }
  })

  it('write a receipt for each POST when it arrives, and none for a GET', async () => {
    await visit('GET', '/charges/looked-at')
    expect((await visit('POST', '/charges/paid')).status).toBe(201)
    const written = readFileSync(receipts, 'utf8')
    expect(written).toContain('POST /charges/paid\n')
    expect(written).not.toContain('looked-at')
  })

  it('fail when they are told to, with a receipt all the same', async () => {
    await fetch(new URL('/knobs/broken', payments), { method: 'PUT' })
    const failed = await visit('POST', '/charges/unlucky')
    await fetch(new URL('/knobs/broken', payments), { method: 'DELETE' })
    expect(failed.status).toBe(500)
    expect(failed.reason).toMatch(/card machine/)
    expect(readFileSync(receipts, 'utf8')).toContain('POST /charges/unlucky\n')
    expect((await visit('GET', '/charges/c2')).status).toBe(200)
  })

  it('answer 502 with the reason when the next one is gone', async () => {
    await paymentsProcess.kill()
    const answer = await visit('GET', '/charges/c3')
    expect(answer.status).toBe(502)
    expect(answer.reason).toMatch(/ECONNREFUSED|hang up|ECONNRESET/)
    expect(fleet.casualty).toBeUndefined()
  })
})
