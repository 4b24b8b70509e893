import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { operatorFileSchema, paths } from '../../mesh/protocol.ts'
import { callHttps } from './https.ts'

const MAIN = fileURLToPath(new URL('../../control/main.ts', import.meta.url))

let stateDir: string
let children: ChildProcess[]
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'selvage-control-'))
  children = []
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(stateDir, { recursive: true, force: true })
})

function run(env: Record<string, string>) {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [MAIN], { env: { PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', text => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    output.stderr += text
  })
  return { child, output, exit: once(child, 'close').then(([code]) => code as number) }
}

const base = () => ({
  SELVAGE_MESH: 'shop',
  SELVAGE_CONTROL_ADDRESS: '127.0.0.1:0',
  SELVAGE_STATE_DIR: stateDir,
})

describe('the control plane as a process', () => {
  it('prints one line when it listens, leaves operator.json, and ends with 0 at SIGTERM', async () => {
    const { child, output, exit } = run(base())
    await once(child.stdout!, 'data')
    const { event, url, caSha256 } = JSON.parse(output.stdout)
    const operator = operatorFileSchema.parse(
      JSON.parse(readFileSync(join(stateDir, 'operator.json'), 'utf8')),
    )
    expect({ event, url, caSha256 }).toEqual({
      event: 'listening',
      url: operator.url,
      caSha256: operator.caSha256,
    })
    const status = await callHttps({ url, token: operator.token }, 'GET', paths.status('shop'))
    expect(status.body).toMatchObject({ mesh: 'shop', revision: 0 })
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(output.stdout.split('\n')).toHaveLength(2)
  })

  it('says in one sentence that the port is in use, and ends with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { output, exit } = run({ ...base(), SELVAGE_CONTROL_ADDRESS: `127.0.0.1:${port}` })
    expect(await exit).toBe(1)
    expect(output.stderr).toBe(
      `selvage control plane: cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    )
    server.close()
  })

  it('says in one sentence which settings are wrong, and ends with 1', async () => {
    const { output, exit } = run({ SELVAGE_CERTIFICATE_TTL: 'long' })
    expect(await exit).toBe(1)
    expect(output.stderr).toMatch(
      /^selvage control plane: .*SELVAGE_MESH: .*; SELVAGE_CERTIFICATE_TTL: [^\n]*\n$/,
    )
    expect(output.stdout).toBe('')
  })

  it('says in one sentence that the state directory cannot be used, and ends with 1', async () => {
    const { output, exit } = run({ ...base(), SELVAGE_STATE_DIR: join(MAIN, 'below') })
    expect(await exit).toBe(1)
    expect(output.stderr).toMatch(/^selvage control plane: cannot use the state directory [^\n]*\n$/)
  })
})
