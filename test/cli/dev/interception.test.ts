import { chownSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { instancesOf } from '../../../cli/dev/instances.ts'
import { chooseInterception } from '../../../cli/dev/interception.ts'
import type { MeshDocumentInput } from '../../../mesh/document.ts'
import { resolve } from '../../../mesh/resolve.ts'
import { freePort, project, start } from '../project.ts'

async function hold(host: string): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, host, resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** `web` and `orders` call `payments`, whose callers dial this port. */
function choose(port: number, wanted: 'auto' | 'explicit' | 'loopback') {
  const document: MeshDocumentInput = {
    name: 'shop',
    services: {
      web: { targetPort: 3000, calls: ['payments'] },
      orders: { targetPort: 3001, calls: ['payments'] },
      payments: { targetPort: 8080, port, calls: [] },
    },
  }
  const mesh = resolve(document)
  const instances = instancesOf(mesh, { commands: new Map(), endpoints: new Map() })
  return chooseInterception({ wanted, mesh, instances, addresses: { payments: '127.0.0.1' } })
}

describe('chooseInterception', () => {
  it('gives the addresses to the first caller where they can be bound, and says so', async () => {
    const chosen = await choose(await freePort(), 'auto')
    expect(chosen.loopbackFor).toBe('web-1')
    expect(chosen.sentence).toContain('loopback: web calls the services at their own addresses')
  })

  it('falls back to explicit ports where they cannot, with the reason', async () => {
    const port = await hold('0.0.0.0')
    const chosen = await choose(port, 'auto')
    expect(chosen.loopbackFor).toBeUndefined()
    expect(chosen.sentence).toContain(
      `loopback is not possible here: 127.0.0.1:${port} cannot be bound: the port is in use`,
    )
  })

  it('refuses when loopback was asked for and cannot be', async () => {
    const port = await hold('0.0.0.0')
    await expect(choose(port, 'loopback')).rejects.toMatchObject({
      exit: 'missing',
      message: expect.stringContaining('loopback interception is not possible'),
    })
  })

  it('uses explicit ports when asked', async () => {
    expect((await choose(80, 'explicit')).loopbackFor).toBeUndefined()
  })
})

const NOBODY = { uid: 65_534, gid: 65_534 }
const isRoot = process.getuid?.() === 0

/** Running as root hides that most users may not bind port 80: the child is a plain user here. */
describe('selvage dev as a plain user', { timeout: 120_000 }, () => {
  it('runs, by loopback or explicit ports as the machine allows, and says which', async () => {
    const mesh = { name: 'shop', services: { web: { targetPort: 3000 }, api: { targetPort: 3001 } } }
    const folder = project({ 'mesh.json': JSON.stringify(mesh) })
    if (isRoot)
      for (const path of [folder, join(folder, 'mesh.json')]) chownSync(path, NOBODY.uid, NOBODY.gid)
    const { stdout } = start(folder, ['dev', '--json'], isRoot ? NOBODY : {})
    const overview = await vi.waitFor(() => JSON.parse(stdout()), { timeout: 60_000 })
    const url = overview.workloads[0].calls[0].url
    if (/^explicit/.test(overview.interception)) {
      expect(overview.interception).toMatch(
        /loopback is not possible here: 127\.83\.0\.\d+:80 cannot be bound: this user may not/,
      )
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    } else {
      expect(url).toMatch(/^http:\/\/127\.83\.0\.\d+:80$/)
    }
    // No app runs, so the sidecar itself answers: the call came in.
    expect((await fetch(url)).headers.get('x-selvage-reason')).toMatch(/web|healthy|endpoint/)
  })
})
