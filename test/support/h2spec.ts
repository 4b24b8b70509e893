/**
 * h2spec, the conformance suite for servers of HTTP/2. It is a Go module whose command cannot be installed by its name
 * (it has no go.mod of its own), so it is built by a module made for that, once, outside the checkout.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const VERSION = 'v2.2.1+incompatible'
const MODULE = 'github.com/summerwind/h2spec'

/** Path of the program; throws with the reason if it can neither be found nor built. */
export function h2spec(): string {
  const folder = join(tmpdir(), `selvage-h2spec-${VERSION}`)
  const program = join(folder, 'h2spec')
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'go.mod'), 'module rig\n\ngo 1.20\n')
  const go = (...args: string[]) => execFileSync('go', args, { cwd: folder, stdio: 'pipe', timeout: 120_000 })
  go('get', `${MODULE}@${VERSION}`)
  go('get', `${MODULE}/cmd/h2spec`)
  // Whoever builds it at the same time finds it whole or not at all.
  const built = `h2spec-${process.pid}`
  go('build', '-mod=mod', '-o', built, `${MODULE}/cmd/h2spec`)
  renameSync(join(folder, built), program)
  return program
}
