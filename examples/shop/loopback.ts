/** Whether this user may listen on the addresses that the mesh gave its services. */
import { createServer } from 'node:net'

const DIAL_PORT = 80

/** Undefined: yes; otherwise the system's reason. */
export async function whyNotLoopback(addresses: readonly string[]): Promise<string | undefined> {
  for (const address of addresses) {
    const reason = await tryListening(address)
    if (reason !== undefined) return reason
  }
  return undefined
}

const tryListening = (address: string): Promise<string | undefined> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve(error.message))
    server.listen(DIAL_PORT, address, () => server.close(() => resolve(undefined)))
  })
