import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { AppProbe } from '../../proxy/app-probe.ts'
import { systemClock } from '../../proxy/clock.ts'
import { until } from '../support/until.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function app(port = 0) {
  const server = createServer(socket => socket.destroy())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() }
}

test('AppProbe is up when every port accepts, down when one is gone for a few tries, and up when it is back', async () => {
  const [one, two] = await Promise.all([app(), app()])
  let changes = 0
  // Down ports are asked often; so the clock only shortens the wait while the app is well.
  const clock = {
    ...systemClock,
    after: (ms: number, run: () => void) => systemClock.after(Math.min(ms, 150), run),
  }
  const probe = new AppProbe('127.0.0.1', clock, () => changes++)
  closing.push(() => probe.stop())
  probe.watch([one.port, two.port])
  expect(probe.up).toBe(false)
  await until('both are up', () => probe.up)
  two.stop()
  await until('one is down', () => !probe.up)
  expect(probe.status()).toContainEqual({
    port: two.port,
    up: false,
    reason: expect.stringContaining('ECONNREFUSED'),
  })
  await app(two.port)
  await until('both are up again', () => probe.up)
  expect(changes).toBe(4)
})

test('AppProbe stays at rest when it was stopped, whatever it is told to watch afterwards', () => {
  let timers = 0
  const clock = {
    ...systemClock,
    after: () => {
      timers++
      return { cancel: () => {} }
    },
  }
  const probe = new AppProbe('127.0.0.1', clock, () => {})
  probe.stop()
  probe.watch([1])
  expect(timers).toBe(0)
  expect(probe.status()).toEqual([])
})

test('AppProbe has nothing to wait for without ports, and forgets those that it no longer watches', async () => {
  const probe = new AppProbe('127.0.0.1', systemClock, () => {})
  expect(probe.up).toBe(true)
  probe.watch([1])
  expect(probe.up).toBe(false)
  probe.watch([])
  expect(probe.up).toBe(true)
})
