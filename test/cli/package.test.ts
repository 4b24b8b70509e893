import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { freePort, NOTHING_BUT_PROGRESS, project, start } from './project.ts'

const root = resolve(import.meta.dirname, '../..')

/** A project with the built package installed, as npm would lay it out. */
function installed(): string {
  const folder = project()
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  const build = spawnSync(process.execPath, [join(root, 'scripts/build.ts'), join(modules, 'selvage')], {
    encoding: 'utf8',
  })
  expect(build.status, build.stderr).toBe(0)
  return folder
}

describe('the package as it is published', { timeout: 300_000 }, () => {
  it('runs the command: init, validate, explain, dev', async () => {
    const folder = installed()
    const command = join(folder, 'node_modules/selvage/bin/selvage.js')
    const run = (...args: string[]) => start(folder, args, { command }).ended

    expect((await run('init')).code).toBe(0)
    const valid = await run('validate')
    expect(valid.stderr).toMatch(NOTHING_BUT_PROGRESS)
    expect(valid.code).toBe(0)
    expect((await run('explain', 'greeter', '/', '--source', 'web')).stdout).toContain(
      '→ forwarded by routes[1]',
    )

    const dev = start(folder, ['dev', '--json', '--port', String(await freePort())], { command })
    const overview = await vi.waitFor(() => JSON.parse(dev.stdout()), { timeout: 60_000 })
    const web = overview.workloads[0].app[0].port
    await vi.waitFor(
      async () =>
        expect(await (await fetch(`http://127.0.0.1:${web}/`)).text()).toContain('hello from greeter'),
      {
        timeout: 60_000,
      },
    )
    dev.child.kill('SIGTERM')
    expect((await dev.ended).code).toBe(0)
  })
})
