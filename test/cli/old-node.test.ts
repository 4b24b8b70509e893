import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { project, start } from './project.ts'

/** A Node on this machine that is too old to run the command itself. */
function findOldNode(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, 'node'))
  return candidates.find(node => {
    const { status, stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
    const major = Number(/^v(\d+)/.exec(stdout ?? '')?.[1])
    return status === 0 && major >= 20 && major < 24
  })
}

const node = findOldNode()
if (node === undefined) process.stderr.write('SKIPPED: selvage on an old Node: no Node 20 to 23 on PATH\n')

describe.skipIf(node === undefined)('selvage on an old Node', () => {
  it('hands over to the Node that this repository pins', async () => {
    const ended = await start(project(), ['validate', '--json'], { node: node! }).ended
    expect(ended.code).toBe(3)
    expect(JSON.parse(ended.stdout).error.message).toContain('no mesh document')
  })

  it('passes on the exit code and an interrupt', async () => {
    const folder = project({ 'mesh.json': '{"name":"shop","services":{"web":{"targetPort":3000}}}' })
    const dev = start(folder, ['dev', '--json'], { node: node! })
    await expect.poll(dev.stdout, { timeout: 60_000 }).toContain('"ok": true')
    dev.child.kill('SIGINT')
    expect((await dev.ended).code).toBe(0)
  })

  it('says what is needed where there is no other', async () => {
    const folder = project()
    mkdirSync(join(folder, 'bin'))
    copyFileSync(join(import.meta.dirname, '../../bin/selvage.js'), join(folder, 'bin/selvage.mjs'))
    const ended = await start(folder, ['validate'], { node: node!, command: join(folder, 'bin/selvage.mjs') })
      .ended
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(
      /^selvage: needs Node 24 or newer, and this is Node 2\d\.\d+\.\d+\. Install a newer one/,
    )
  })
})
