import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { importsOf } from '../support/imports.ts'

/**
 * The floors (docs/architecture.md): who may import whom. Read from the source text, so that it also sees
 * `import type`, `export … from` and lazy `import()`.
 */

const root = resolve(import.meta.dirname, '../..')

interface Floor {
  /** Rooms of this project it may import, itself included. */
  readonly rooms: readonly string[]
  /** Packages it may import; undefined: any that package.json names. */
  readonly packages?: readonly string[]
  readonly node: boolean
}

const FLOORS: Record<string, Floor> = {
  mesh: { rooms: ['mesh'], packages: ['zod', 're2js'], node: false },
  proxy: { rooms: ['proxy', 'mesh'], node: true },
  control: { rooms: ['control', 'mesh'], node: true },
  testing: { rooms: ['testing', 'mesh', 'control', 'proxy'], node: true },
  cli: { rooms: ['cli', 'mesh', 'control', 'proxy'], node: true },
}

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(
      name =>
        !name.includes('node_modules') &&
        /\.(ts|tsx|js|mjs)$/.test(name) &&
        statSync(join(root, name)).isFile(),
    )
    .sort()

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

function breachOf(file: string, specifier: string, floor: Floor): string | undefined {
  if (specifier.startsWith('.')) {
    const room = relative(root, resolve(root, dirname(file), specifier)).split('/')[0]!
    return floor.rooms.includes(room) ? undefined : `imports the room ${room}/`
  }
  if (specifier.startsWith('node:')) return floor.node ? undefined : `imports ${specifier}`
  if (floor.packages === undefined || floor.packages.includes(packageOf(specifier))) return undefined
  return `imports the package ${specifier}`
}

const breaches = (room: string): string[] =>
  files(room).flatMap(file =>
    importsOf(readFileSync(join(root, file), 'utf8'))
      .map(specifier => breachOf(file, specifier, FLOORS[room]!))
      .filter(breach => breach !== undefined)
      .map(breach => `${file} ${breach}`),
  )

describe('floors', () => {
  it.each(Object.keys(FLOORS))('%s imports only what its floor allows', room => {
    expect(files(room).length).toBeGreaterThan(0)
    expect(breaches(room)).toEqual([])
  })

  it('filters never import each other', () => {
    const found = files('proxy/filter').flatMap(file =>
      importsOf(readFileSync(join(root, file), 'utf8'))
        .filter(specifier => /^\.\/[^/]+$/.test(specifier))
        .map(specifier => `${file} imports ${specifier}`),
    )
    expect(found).toEqual([])
  })

  it('examples use only the public entry points', () => {
    const found = files('examples').flatMap(file =>
      importsOf(readFileSync(join(root, file), 'utf8'))
        .filter(specifier => specifier.startsWith('.'))
        .map(specifier => relative(root, resolve(root, dirname(file), specifier)))
        .filter(target => !target.startsWith('examples/'))
        .map(target => `${file} imports ${target}`),
    )
    expect(found).toEqual([])
  })

  it('only clock.ts of a room reads the time or rolls dice', () => {
    const reads = /\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|\bprocess\.hrtime|\bnew Date\(\)/
    const found = ['mesh', 'proxy', 'control', 'testing', 'cli']
      .flatMap(files)
      .filter(file => !/(^|\/)clock\.ts$/.test(file))
      .filter(file => reads.test(readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')))
    expect(found).toEqual([])
  })

  it('the OpenTelemetry SDK and AWS clients are never imported statically by the proxy', () => {
    const statics = /^\s*import\s(?!type)[^(]*['"](@opentelemetry\/sdk-|@aws-sdk\/)/m
    const found = files('proxy')
      .filter(file => !file.endsWith('worker.ts'))
      .filter(file => statics.test(readFileSync(join(root, file), 'utf8')))
    expect(found).toEqual([])
  })
})

describe('importsOf', () => {
  it('sees static, type, re-exported and lazy imports and no comments', () => {
    const source = [
      "import { a } from './a.ts'",
      "import type { B } from '../b.ts'",
      "export * from './c.ts'",
      "import 'node:fs'",
      "const d = await import('./d.ts')",
      "// import './not-this.ts'",
      "/* import './nor-this.ts' */",
    ].join('\n')
    expect(importsOf(source)).toEqual(['./a.ts', '../b.ts', './c.ts', 'node:fs', './d.ts'])
  })
})
