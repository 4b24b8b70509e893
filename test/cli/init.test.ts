import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { project, selvage, selvageJson } from './project.ts'

const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8')
const manifest = (folder: string) => JSON.parse(read(folder, 'package.json'))

describe('selvage init', () => {
  it('writes a mesh that is valid, apps, scripts and what git ignores', async () => {
    const folder = project()
    const { code, json } = await selvageJson(folder, 'init', 'my-mesh')
    expect(code).toBe(0)
    expect(json.files.map(({ name, change }: Record<string, string>) => `${change} ${name}`)).toEqual([
      'created mesh.ts',
      'created web.mjs',
      'created greeter.mjs',
      'created package.json',
      'created .gitignore',
    ])
    const made = join(folder, 'my-mesh')
    expect(read(made, '.gitignore')).toContain('.selvage/\n')
    expect(manifest(made).scripts).toEqual({ 'mesh:dev': 'selvage dev', 'mesh:validate': 'selvage validate' })
    expect(await selvageJson(made, 'validate')).toMatchObject({ code: 0, json: { ok: true, warnings: [] } })
  })

  it('changes nothing when it is run again', async () => {
    const folder = project()
    await selvage(folder, 'init')
    const { code, json } = await selvageJson(folder, 'init')
    expect(code).toBe(0)
    expect(new Set(json.files.map(({ change }: Record<string, string>) => change))).toEqual(
      new Set(['unchanged']),
    )
  })

  it('adds to a package.json and a .gitignore that are there, and keeps all that they say', async () => {
    const folder = project({
      'package.json':
        '{\n    "name": "mine",\n    "type": "commonjs",\n    "scripts": {\n        "test": "x"\n    },\n    "devDependencies": { "selvage": "9.9.9" }\n}\n',
      '.gitignore': 'dist',
    })
    expect((await selvage(folder, 'init')).code).toBe(0)
    expect(manifest(folder)).toMatchObject({
      name: 'mine',
      type: 'commonjs',
      scripts: { test: 'x', 'mesh:dev': 'selvage dev' },
      devDependencies: { selvage: '9.9.9' },
    })
    expect(read(folder, 'package.json')).toContain('\n    "name"')
    expect(read(folder, '.gitignore')).toBe('dist\n.selvage/\n')
  })

  it.each([
    ['makes a module of a package that it creates', {}, 'module'],
    [
      'makes a module of what npm install left',
      { 'package.json': '{"dependencies":{"selvage":"file:a.tgz"}}' },
      'module',
    ],
    ['leaves an author’s package as it is', { 'package.json': '{"name":"mine"}' }, undefined],
  ])('%s', async (_, files, type) => {
    const folder = project(files)
    expect((await selvage(folder, 'init')).code).toBe(0)
    expect(manifest(folder).type).toBe(type)
  })

  it('says how to run it, as it can be typed', async () => {
    expect((await selvage(project(), 'init', 'my-mesh')).stdout).toMatch(
      /Run it:\n {2}cd my-mesh\n {2}npx selvage dev\n$/,
    )
  })

  it('overwrites nothing, writes nothing and ends with 2 when something else is there', async () => {
    const folder = project({
      'mesh.ts': 'export default {}',
      'package.json': '{"scripts":{"mesh:dev":"mine"}}',
    })
    const ended = await selvage(folder, 'init')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(
      'there already, and different: mesh.ts, package.json scripts["mesh:dev"]; nothing was written',
    )
    expect(read(folder, 'mesh.ts')).toBe('export default {}')
    expect(() => read(folder, 'web.mjs')).toThrow()
  })

  it('overwrites with --force', async () => {
    const folder = project({
      'mesh.ts': 'export default {}',
      'package.json': '{"scripts":{"mesh:dev":"mine"}}',
    })
    expect((await selvage(folder, 'init', '--force')).code).toBe(0)
    expect(read(folder, 'mesh.ts')).toContain('defineMesh')
    expect(manifest(folder).scripts['mesh:dev']).toBe('selvage dev')
  })

  it.each([
    ['{', 'package.json is not JSON'],
    ['[]', 'package.json: expected an object'],
    ['{"scripts": []}', 'package.json: expected "scripts" to be an object, found []'],
  ])('refuses the package.json %s', async (text, message) => {
    const ended = await selvage(project({ 'package.json': text }), 'init')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(message)
  })

  it('ends with 3 when it may not write there', async () => {
    const ended = await selvage(project({ file: '' }), 'init', 'file/sub')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(/cannot read .*file\/sub\/mesh\.ts: a part of the path is not a folder/)
  })
})
