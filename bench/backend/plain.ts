/** The app for machines without nginx: our own server, in a process of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../children.ts'
import { freePorts, waitForPort } from '../ports.ts'
import type { Backend, Content } from './backend.ts'

const START_TIMEOUT_MS = 10_000

/** Starts it on a free port. */
export async function startPlainBackend(
  directory: string,
  content: Content,
  cpus: readonly number[] | undefined,
): Promise<Backend> {
  const [port] = (await freePorts(1)) as [number]
  const contentFile = join(directory, 'content.json')
  writeFileSync(contentFile, JSON.stringify(content))
  const child = await startChild({
    name: 'app',
    command: process.execPath,
    args: [join(import.meta.dirname, 'plain-server.ts'), String(port), contentFile],
    cpus,
  })
  if (!(await waitForPort(port, START_TIMEOUT_MS, child.exited))) {
    await child.stop()
    throw new Error(`the bench's own app did not start: ${child.complaints()}`)
  }
  return { name: "the bench's own", port, stop: () => child.stop() }
}
