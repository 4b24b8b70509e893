import { createServer } from 'node:net'

/**
 * Ports for apps. An app binds its port itself, later, so a port can only be looked for, not held: whatever was
 * given out once is not given out again, and a preferred port is tried first.
 */
export interface PortPicker {
  pick(preferred?: number): Promise<number>
}

const HOST = '127.0.0.1'
const ATTEMPTS = 50

export function portPicker(): PortPicker {
  const given = new Set<number>()
  return {
    async pick(preferred) {
      if (preferred !== undefined && !given.has(preferred) && (await isFree(preferred))) {
        given.add(preferred)
        return preferred
      }
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const port = await probe(0)
        if (port === undefined || given.has(port)) continue
        given.add(port)
        return port
      }
      throw new Error(`found no free port on ${HOST}`)
    },
  }
}

/** An app may bind all interfaces or one: the port has to be free for both. */
const isFree = async (port: number): Promise<boolean> =>
  (await probe(port, '0.0.0.0')) !== undefined && (await probe(port)) !== undefined

function probe(port: number, host = HOST): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
