/** Everything that stands around the proxies during one run: app, certificates, load generator. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Backend, makeContent } from './backend/backend.ts'
import { startNginxBackend } from './backend/nginx.ts'
import { startPlainBackend } from './backend/plain.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import { ROUTE_COUNT } from './document.ts'
import type { LoadGenerator } from './load/load.ts'
import { plainGenerator } from './load/plain.ts'
import { wrkGenerator } from './load/wrk.ts'
import type { Machine } from './machine.ts'

export interface Rig {
  readonly machine: Machine
  readonly directory: string
  readonly certificates: Certificates
  readonly backend: Backend
  readonly load: LoadGenerator
  stop(): Promise<void>
}

/** Sets it up. The directory and everything in it, keys included, is gone after `stop`. */
export async function startRig(machine: Machine): Promise<Rig> {
  const directory = mkdtempSync(join(tmpdir(), 'selvage-bench-'))
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true })
  process.on('exit', removeDirectory)
  const certificates = await makeCertificates(join(directory, 'certificates'))
  const content = makeContent(directory, ROUTE_COUNT)
  const { nginx, wrk } = machine.found
  const backend =
    nginx === undefined
      ? await startPlainBackend(directory, content, machine.loadCpus)
      : await startNginxBackend(nginx, directory, content, machine.loadCpus)
  return {
    machine,
    directory,
    certificates,
    backend,
    load: wrk === undefined ? plainGenerator : wrkGenerator(wrk),
    stop: async () => {
      await backend.stop()
      removeDirectory()
    },
  }
}
