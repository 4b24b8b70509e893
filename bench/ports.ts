/** Ports for one run. */
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { monotonicMs, pauseMs } from './clock.ts'

/** So many different ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  for (let index = 0; index < count; index += 1) {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    servers.push(server)
  }
  const ports = servers.map(server => (server.address() as { port: number }).port)
  for (const server of servers) server.close()
  return ports
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Waits until something accepts connections there; false when `gone` says that nothing ever will. */
export async function waitForPort(port: number, timeoutMs: number, gone: () => boolean): Promise<boolean> {
  const deadline = monotonicMs() + timeoutMs
  while (monotonicMs() < deadline && !gone()) {
    if (await accepts(port)) return true
    await pauseMs(10)
  }
  return false
}
