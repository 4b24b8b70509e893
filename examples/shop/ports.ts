/**
 * Ports that an app can come back to. They lie below the range from which the system takes the ports of outgoing
 * connections, so that nothing sits on a port while its app is dead.
 */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const FROM = 20_000
const BELOW = 32_000
const TRIES = 200

const isFree = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Tried by this process, so that no two parts of it are given the same one. */
const taken = new Set<number>()

/** @throws when none was found */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FROM, BELOW)
    if (taken.has(port)) continue
    taken.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port found between ${FROM} and ${BELOW} on 127.0.0.1`)
}
