import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Listening, listen } from '../../../proxy/listener/listen.ts'
import { Gauge } from '../../../proxy/telemetry/metrics.ts'
import { until } from '../../support/until.ts'

const open: Listening[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

test('listen closes what exceeds the limit at once, and takes more when one has gone', async () => {
  const accepted: Socket[] = []
  const connections = new Gauge()
  let overflows = 0
  const listening = await listen({
    host: '127.0.0.1',
    port: 0,
    name: 'test',
    maxConnections: 2,
    connections,
    onConnection: socket => {
      accepted.push(socket)
      socket.on('end', () => socket.destroy())
      socket.resume()
    },
    onOverflow: () => overflows++,
  })
  open.push(listening)
  const dial = async () => {
    const socket = connect(listening.port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const first = await dial()
  await dial()
  await until('both are accepted', () => accepted.length === 2)
  const third = await dial()
  third.resume()
  await until('the third is closed', () => third.closed)
  expect(overflows).toBe(1)
  expect(connections.value).toBe(2)
  first.destroy()
  await until('one has gone', () => connections.value === 1)
  await dial()
  await until('another is accepted', () => accepted.length === 3)
  for (const socket of accepted) socket.destroy()
})

test('listen says which address it cannot have, and what to do', async () => {
  const options = {
    host: '203.0.113.7',
    port: 8080,
    name: 'payments:80',
    maxConnections: 1,
    connections: new Gauge(),
    onConnection: () => {},
    onOverflow: () => {},
  }
  await expect(listen(options)).rejects.toThrow(
    /^cannot listen on 203\.0\.113\.7:8080 for payments:80: EADDRNOTAVAIL; this machine does not answer on that address .*use SELVAGE_INTERCEPTION=explicit$/,
  )
})
