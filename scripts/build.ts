/**
 * `npm run build`: makes `dist/` (or the folder that is named), the package as it is published: JavaScript and declarations (Node does not
 * strip types below node_modules), the JSON Schema, and a package.json whose exports name the built files.
 * `npm pack ./dist` packs it.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = resolve(root, process.argv[2] ?? 'dist')

/** Fields of our package.json that the published one keeps as they are. */
const KEPT = [
  'name',
  'version',
  'description',
  'license',
  'type',
  'bin',
  'dependencies',
  'repository',
] as const

type Exports = Record<string, string>

const published = (exports: Exports): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(exports).map(([entry, file]) => {
      if (!file.endsWith('.ts')) return [entry, file]
      const built = file.slice(0, -'.ts'.length)
      return [entry, { types: `${built}.d.ts`, default: `${built}.js` }]
    }),
  )

function compile(): void {
  rmSync(dist, { recursive: true, force: true })
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const run = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', dist], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (run.status !== 0) throw new Error(`tsc failed with exit code ${run.status}`)
}

function describePackage(): void {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const kept = Object.fromEntries(KEPT.filter(key => key in own).map(key => [key, own[key]]))
  const manifest = { ...kept, engines: { node: '>=24' }, exports: published(own.exports) }
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

function copy(path: string): void {
  mkdirSync(join(dist, path, '..'), { recursive: true })
  cpSync(join(root, path), join(dist, path), { recursive: true })
}

compile()
describePackage()
for (const path of ['bin', 'mesh/mesh.schema.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) copy(path)
console.error(`built ${dist}`)
