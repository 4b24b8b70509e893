/** nginx as the app: it costs the load generator's core little. */
import { type Child, startChild } from '../children.ts'
import { freePorts, waitForPort } from '../ports.ts'
import { nginxUser } from '../subject/nginx.ts'
import { writePeerFile } from '../template.ts'
import type { Backend, Content } from './backend.ts'

const START_TIMEOUT_MS = 10_000

/** Starts it on a free port. Throws with its own words when it does not come up. */
export async function startNginxBackend(
  command: string,
  directory: string,
  content: Content,
  cpus: readonly number[] | undefined,
): Promise<Backend> {
  const [port] = (await freePorts(1)) as [number]
  const file = writePeerFile('backend.nginx.conf', directory, {
    USER: nginxUser(),
    DIRECTORY: directory,
    PORT: port,
    SMALL_BODY: content.smallBody,
    LARGE_PATH: content.largePath,
    LARGE_FILE: content.largeFile,
    HUGE_PATH: content.hugePath,
    HUGE_FILE: content.hugeFile,
  })
  const child: Child = await startChild({
    name: 'nginx (app)',
    command,
    args: ['-c', file, '-p', directory, '-e', 'stderr'],
    cpus,
  })
  if (!(await waitForPort(port, START_TIMEOUT_MS, child.exited))) {
    await child.stop()
    throw new Error(`nginx as the app did not start: ${child.complaints()}`)
  }
  return { name: 'nginx', port, stop: () => child.stop() }
}
