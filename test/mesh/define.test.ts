import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import {
  defineMesh,
  InvalidMesh,
  type MeshDocument,
  type ServiceName,
  type TargetName,
} from '../../mesh/index.ts'

const root = join(import.meta.dirname, '../..')
/** Beside the sources, so that the project's own packages are found. */
const folder = mkdtempSync(join(root, 'node_modules/.mesh-types-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Lines of a file that have errors, as the project's compiler sees them with these options. */
function compile(
  file: string,
  options: object,
): { readonly lines: readonly number[]; readonly output: string } {
  const project = join(folder, 'tsconfig.json')
  writeFileSync(
    project,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: options, include: [file] }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', project, '--pretty', 'false'], {
    encoding: 'utf8',
  })
  const errors = [...stdout.matchAll(/^(.+?)\((\d+),\d+\): error/gm)]
  const own = errors.filter(([, name]) => file.endsWith(name!.replace(/^(\.\.\/)+/, '')))
  expect(errors.length - own.length, stdout).toBe(0)
  return { lines: [...new Set(own.map(([, , line]) => Number(line)))], output: stdout }
}

describe('defineMesh, compiled', () => {
  // The copy stands as deep below the root as the original, so that its import leads to the same place.
  const file = join(folder, 'wrong-documents.ts')
  const text = readFileSync(join(import.meta.dirname, 'wrong-documents.ts'), 'utf8')
  writeFileSync(file, text.replaceAll('@ts-expect-error', ''))
  const expected = text
    .split('\n')
    .flatMap((line, index) => (line.includes('// @ts-expect-error') ? [index + 2] : []))

  it('has an error at each wrong name and misspelt key, and nowhere else', () => {
    expect(expected.length).toBeGreaterThan(40)
    expect(compile(file, {}).lines).toEqual(expected)
  })

  it('has the same errors for a user with the plain strict options', () => {
    const options = { exactOptionalPropertyTypes: false, noUncheckedIndexedAccess: false }
    expect(compile(file, options).lines).toEqual(expected)
  })

  it('names the nearest valid name', () => {
    const { output } = compile(file, {})
    expect(output).toContain(`Did you mean '"payments/v1"'`)
    expect(output).toContain("Did you mean to write 'attempts'")
  })

  it('compiles for a browser, without the types of Node', () => {
    const options = { types: [], lib: ['esnext', 'dom'] }
    expect(compile(join(root, 'mesh/index.ts'), options).output).toBe('')
  })
})

const shop = defineMesh({
  name: 'shop',
  uses: ['orders'],
  services: { web: { targetPort: 3000 }, payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } } },
  workloads: { cron: {} },
})

describe('defineMesh', () => {
  it('gives the document as plain data', () => {
    expect(JSON.parse(JSON.stringify(shop))).toEqual({
      name: 'shop',
      uses: ['orders'],
      services: { web: { targetPort: 3000 }, payments: { targetPort: 8080, workloads: { v1: {}, v2: {} } } },
      workloads: { cron: {} },
      routes: [],
    })
  })

  it('keeps the names in its type', () => {
    const services = ['web', 'payments'] satisfies ServiceName<typeof shop>[]
    const targets = ['web', 'payments', 'payments/v1', 'payments/v2', 'cron', 'orders'] satisfies TargetName<
      typeof shop
    >[]
    // @ts-expect-error a workload is no service
    const wrongService: ServiceName<typeof shop> = 'payments/v1'
    // @ts-expect-error there is no v3
    const wrongTarget: TargetName<typeof shop> = 'payments/v3'
    const any: MeshDocument = shop
    expect([services.length, targets.length, wrongService, wrongTarget, any]).toHaveLength(5)
  })

  it('throws an error that lists every violation of a value', () => {
    const define = () =>
      defineMesh({ name: 'shop', services: { web: { targetPort: 0, retry: { perTryTimeout: 'soon' } } } })
    expect(define).toThrow(InvalidMesh)
    expect(define).toThrow(
      /2 violations:\n {2}services\.web\.targetPort: found 0.*\n {2}services\.web\.retry\.perTryTimeout: /,
    )
  })
})
