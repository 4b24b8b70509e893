import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMesh, type TestMesh } from 'selvage/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import mesh from '../../examples/registry/mesh.ts'
import { freePort } from '../../examples/shop/ports.ts'
import { type CommandResult, runNpm, runProgram, withoutNpmSettings } from '../support/program.ts'
import { describeWith, rig } from '../support/rig.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { installVerdaccio, startVerdaccio } from '../support/verdaccio.ts'

const curl = rig('curl', 'apt-get install curl')
const INSTALLATION_MS = 180_000

describeWith([curl], 'curl through the mesh', () => {
  let running: TestMesh
  const fetched = (from: 'build' | 'laptop', ...words: string[]): Promise<CommandResult> =>
    runProgram(
      'curl',
      ['--silent', '--show-error', ...words, `${running.urlOf('registry', { from })}/echo`],
      {
        cwd: tmpdir(),
      },
    )

  beforeAll(async () => {
    running = await startMesh(mesh, {
      apps: {
        registry: async (request, response) => {
          const size = (await Array.fromAsync(request)).reduce((sum, chunk: Buffer) => sum + chunk.length, 0)
          response.setHeader('x-seen', `${request.method} ${request.headers.host} ${size}`)
          response.end('ä'.repeat(100_000))
        },
      },
    })
  })
  afterAll(() => running.stop())

  it('gets what the app answers, to the last byte', async () => {
    const { code, stdout } = await fetched('laptop')
    expect(code).toBe(0)
    expect(stdout).toBe('ä'.repeat(100_000))
  })

  it('sends a chunked body after Expect: 100-continue', async () => {
    const file = join(tempFolder(), 'body')
    writeFileSync(file, 'x'.repeat(3_000_000))
    const words = ['--dump-header', '-', '--header', 'transfer-encoding: chunked', '--upload-file', file]
    const { code, stdout } = await fetched('build', ...words)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^HTTP\/1\.1 200/m)
    expect(stdout).toMatch(/x-seen: PUT 127\.0\.0\.1:\d+ 3000000/)
  })

  it('keeps its connection from one request to the next', async () => {
    const url = `${running.urlOf('registry', { from: 'laptop' })}/echo`
    const words = ['--silent', '--output', '/dev/null', '--write-out', '%{num_connects} ', url]
    const { stdout } = await runProgram('curl', [...words, '--next', ...words], { cwd: tmpdir() })
    expect(stdout).toBe('1 0 ')
  })

  it('is refused with a reason where the rules say so', async () => {
    const { stdout } = await fetched('laptop', '--include', '--request', 'PUT')
    expect(stdout).toMatch(/^HTTP\/1\.1 403/m)
    expect(stdout).toMatch(/^x-selvage-reason: .*laptop/m)
  })
})

describe('npm through the mesh, in front of a registry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-registry-'))
  let missing: string | undefined
  let verdaccio: ChildProcess | undefined
  let running: TestMesh | undefined

  beforeAll(async () => {
    missing = await installVerdaccio(folder)
    if (missing !== undefined) {
      process.stderr.write(`SKIPPED: npm through the mesh: verdaccio cannot be installed: ${missing}\n`)
      if (process.env.SELVAGE_RIGS === 'required') throw new Error(`verdaccio: ${missing}`)
      return
    }
    const port = await freePort()
    verdaccio = await startVerdaccio(folder, port)
    running = await startMesh(mesh, { apps: { registry: port } })
  }, INSTALLATION_MS)
  afterAll(async () => {
    await running?.stop()
    verdaccio?.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  /** An npm client that knows one registry: the local port of a sidecar. */
  const npm = (from: 'build' | 'laptop', cwd: string, ...words: string[]): Promise<CommandResult> => {
    const registry = `${running?.urlOf('registry', { from })}/`
    const userconfig = join(folder, `npmrc-${from}`)
    writeFileSync(userconfig, `registry=${registry}\n${registry.replace('http:', '')}:_authToken=none\n`)
    const settings = ['--userconfig', userconfig, '--cache', join(folder, `cache-${from}`)]
    return runNpm(
      [...words, ...settings, '--no-audit', '--no-fund', '--fetch-retries=0', '--loglevel=error'],
      {
        cwd,
        env: withoutNpmSettings(),
      },
    )
  }

  const project = (name: string, files: Readonly<Record<string, string>>): string => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
    return path
  }
  const pack = (name: string): string =>
    project(name, {
      'package.json': JSON.stringify({ name: `@shop/${name}`, version: '1.2.3', main: 'index.js' }),
      'index.js': `module.exports = 'hello'\n// ${'padding '.repeat(50_000)}\n`,
    })

  it('publishes a package, and another workload installs it', { timeout: 240_000 }, async context => {
    if (missing !== undefined) context.skip(`verdaccio cannot be installed: ${missing}`)
    const published = await npm('build', pack('greeting'), 'publish')
    expect(published).toMatchObject({ code: 0 })
    const app = project('app', { 'package.json': '{"private":true}' })
    expect(await npm('laptop', app, 'install', '@shop/greeting')).toMatchObject({ code: 0 })
    expect(readFileSync(join(app, 'node_modules/@shop/greeting/index.js'), 'utf8')).toMatch(/hello/)
    const locked = readFileSync(join(app, 'package-lock.json'), 'utf8')
    expect(locked).toContain(`${running?.urlOf('registry', { from: 'laptop' })}/@shop/greeting`)
  })

  it('is refused when a workload publishes that may only install', { timeout: 240_000 }, async context => {
    if (missing !== undefined) context.skip(`verdaccio cannot be installed: ${missing}`)
    const refused = await npm('laptop', pack('smuggled'), 'publish')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('403')
  })
})
