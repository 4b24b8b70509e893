import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadDocument } from '../../cli/document/load.ts'
import { project } from './project.ts'

const load = (files: Readonly<Record<string, string>>, name?: string) =>
  loadDocument(name ?? Object.keys(files)[0], project(files))

describe('a module', () => {
  it('gives its default export, made of its local imports', async () => {
    const folder = project({
      'mesh.ts': `import { port } from './port.ts'\nexport default { name: 'shop', services: { web: { targetPort: port } } }`,
      'port.ts': 'export const port: number = 3000',
    })
    const loaded = await loadDocument(undefined, folder)
    expect(loaded.value).toEqual({ name: 'shop', services: { web: { targetPort: 3000 } } })
    expect(loaded.files).toEqual([join(folder, 'mesh.ts'), join(folder, 'port.ts')])
  })

  it('is a module in a package of CommonJS too, and finds selvage where it is not installed', async () => {
    const loaded = await load({
      'mesh.ts': `import { defineMesh } from 'selvage'\nexport default defineMesh({ name: 'shop', services: {} })`,
      'package.json': '{ "type": "commonjs" }',
    })
    expect(loaded.value).toEqual({ name: 'shop', services: {}, routes: [] })
  })

  it('shows its new text when it is loaded again, and that of its imports', async () => {
    const files = {
      'mesh.ts': `export { name as default } from './name.ts'`,
      'name.ts': `export const name = { a: 1 }`,
    }
    expect((await load(files)).value).toEqual({ a: 1 })
    expect((await load({ ...files, 'name.ts': `export const name = { a: 2 }` })).value).toEqual({ a: 2 })
  })

  it.each([
    ['a syntax error', `const a = 1\nexport default {\n  b c }`, /^mesh\.ts:3: syntax error: /],
    [
      'no default export',
      `export const mesh = {}`,
      /^mesh\.ts: expected a default export, found the exports mesh$/,
    ],
    ['no export', ``, /^mesh\.ts: expected a default export, found no export at all$/],
    ['something else exported', `export default () => ({})`, /an object\), found a function$/],
    [
      'an error thrown',
      `function f(): never {\n  throw new Error('no port')\n}\nexport default f()`,
      /^mesh\.ts:2: no port$/,
    ],
    [
      'a value that is no data',
      `export default { a: [{ b: () => 1 }] }`,
      /^mesh\.ts: a\[0\]\.b is a function; /,
    ],
    ['a cycle', `const a: any = {}\na.b = { a }\nexport default a`, /^mesh\.ts: b\.a is a reference to /],
    ['an exit', `process.exit(7)`, /^mesh\.ts ended its process \(exit code 7\)/],
    [
      'an unknown package',
      `import 'not-there-at-all'\nexport default {}`,
      /Cannot find package 'not-there-at-all'/,
    ],
    [
      'TypeScript that cannot be stripped',
      `enum A { B }\nexport default {}`,
      /^mesh\.ts:1: syntax error: .*enum/,
    ],
  ])('with %s is refused in one sentence', async (_, text, message) => {
    await expect(load({ 'mesh.ts': text })).rejects.toMatchObject({
      exit: 'wrong',
      message: expect.stringMatching(message),
    })
  })

  it('names the imported file at fault', async () => {
    const files = {
      'mesh.ts': `import { a } from './lib/a.ts'\nexport default a`,
      'lib/a.ts': `export const a = {}\nconst b c`,
    }
    await expect(load(files)).rejects.toThrow(/^lib\/a\.ts:2: syntax error/)
  })
})

describe('YAML and JSON', () => {
  const YAML = `name: shop
services:
  web: { targetPort: 3000 }
  a.b:
    targetPort: 1
routes:
  - service: web
    to:
      payments/v1: 90
      payments/v2: 10
`
  it.each([
    ['services.web.targetPort', { line: 3, column: 10 }],
    ['services.a.b.targetPort', { line: 5, column: 5 }],
    ['services["a.b"].targetPort', { line: 5, column: 5 }],
    ['routes[0].to.payments/v2', { line: 10, column: 7 }],
    ['routes[0].to.payments/v9', { line: 8, column: 5 }],
    ['routes[0].retry.attempts', { line: 7, column: 5 }],
    ['', { line: 1, column: 1 }],
  ])('knows the place of "%s", or of what lacks it', async (path, position) => {
    const loaded = await load({ 'mesh.yaml': YAML })
    expect(loaded.positionOf(path)).toEqual(position)
  })

  it('gives the same value from YAML and JSON', async () => {
    const value = { name: 'shop', services: { web: { targetPort: 3000 } } }
    expect((await load({ 'mesh.json': JSON.stringify(value) })).value).toEqual(value)
    expect((await load({ 'mesh.yml': 'name: shop\nservices: { web: { targetPort: 3000 } }' })).value).toEqual(
      value,
    )
  })

  it.each([
    ['a duplicate key', 'mesh.yaml', 'a: 1\na: 2', /^mesh\.yaml:2:1: Map keys must be unique$/],
    ['a bad structure', 'mesh.yaml', 'a: [1\nb: 2', /^mesh\.yaml:2:1: /],
    ['two documents', 'mesh.yaml', 'a: 1\n---\nb: 2', /^mesh\.yaml:2: expected one document/],
    ['nothing', 'mesh.yaml', '# only a comment\n', /^mesh\.yaml is empty/],
    ['an alias bomb', 'mesh.yaml', bomb(), /^mesh\.yaml cannot be read: Excessive alias count/],
    [
      'a trailing comma in JSON',
      'mesh.json',
      '{\n  "a": 1,\n}',
      /^mesh\.json:3:1: Expected double-quoted property name/,
    ],
    ['JSON cut short', 'mesh.json', '{\n  "a": 1', /^mesh\.json:2:9: /],
    ['YAML in a .json file', 'mesh.json', 'a: 1', /^mesh\.json:1:1: Unexpected token 'a'$/],
    [
      'a duplicate key in JSON',
      'mesh.json',
      '{"a": 1,\n "a": 2}',
      /^mesh\.json:2:2: Map keys must be unique$/,
    ],
    [
      'a wrong token deep in JSON',
      'mesh.json',
      '{\n  "a": [1, 2],\n  "b": nope\n}',
      /^mesh\.json:3:9: Unexpected token 'o'$/,
    ],
  ])('with %s is refused at its place', async (_, name, text, message) => {
    await expect(load({ [name]: text }, name)).rejects.toMatchObject({
      exit: 'wrong',
      message: expect.stringMatching(message),
    })
  })
})

it('refuses bytes that are no text', async () => {
  const folder = project()
  writeFileSync(join(folder, 'mesh.yaml'), Buffer.from([0x61, 0x3a, 0xff]))
  await expect(loadDocument('mesh.yaml', folder)).rejects.toThrow('mesh.yaml is not text: expected UTF-8')
})

describe('a file', () => {
  it('that is not there is missing, and the sentence says where it was looked for', async () => {
    const folder = project()
    await expect(loadDocument('mesh.ts', folder)).rejects.toMatchObject({
      exit: 'missing',
      message: 'cannot read mesh.ts: it does not exist',
      hint: `Looked for ${join(folder, 'mesh.ts')}.`,
    })
  })

  it('that nobody named is looked for under the usual names', async () => {
    await expect(loadDocument(undefined, project())).rejects.toMatchObject({
      exit: 'missing',
      message: expect.stringContaining('expected one of mesh.ts'),
    })
    expect((await loadDocument(undefined, project({ 'mesh.json': '{"a":1}' }))).name).toBe('mesh.json')
  })

  it('of another kind is refused', async () => {
    await expect(load({ 'mesh.toml': '' })).rejects.toMatchObject({
      exit: 'usage',
      message: expect.stringContaining('found "mesh.toml"'),
    })
    await expect(load({ 'mesh.ts/x': '' }, 'mesh.ts')).rejects.toThrow('expected a file, found a folder')
  })
})

function bomb(): string {
  const levels = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let level = 1; level < 8; level++) {
    levels.push(
      `b${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    )
  }
  return levels.join('\n')
}
