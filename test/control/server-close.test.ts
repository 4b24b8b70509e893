import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { startControlPlane } from '../../control/index.ts'

it('stops while somebody holds a connection without beginning TLS', async () => {
  const control = await startControlPlane({ meshName: 'shop' })
  const { hostname, port } = new URL(control.url)
  const socket = connect(Number(port), hostname)
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  await control.stop()
  await expect(fetch(control.url)).rejects.toThrow()
})
