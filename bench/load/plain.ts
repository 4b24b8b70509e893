/** The load generator for machines without wrk: our own, in Node, in a process of its own. */
import { join } from 'node:path'
import { startChild } from '../children.ts'
import type { LoadGenerator, LoadResult } from './load.ts'

const PATIENCE_SECONDS = 15

export const plainGenerator: LoadGenerator = {
  name: "the bench's own",
  async run({ url, connections, seconds, cpus }) {
    let output = ''
    const child = await startChild({
      name: 'load generator',
      command: process.execPath,
      args: [join(import.meta.dirname, 'plain-client.ts'), url, String(connections), String(seconds)],
      cpus,
      onStdout: chunk => {
        output += chunk
      },
    })
    const hang = setTimeout(() => child.stop('SIGKILL'), (seconds + PATIENCE_SECONDS) * 1000)
    const end = await child.gone
    clearTimeout(hang)
    if (end !== 'exit code 0') throw new Error(`the load generator ended with ${end}: ${child.complaints()}`)
    return JSON.parse(output) as LoadResult
  },
}
