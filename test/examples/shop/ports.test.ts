import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { whyNotLoopback } from '../../../examples/shop/loopback.ts'
import { freePort } from '../../../examples/shop/ports.ts'

describe('freePort', () => {
  it('gives a port that can be bound, and none twice', async () => {
    const ports = await Promise.all([freePort(), freePort(), freePort()])
    expect(new Set(ports).size).toBe(3)
    const server = createServer()
    await new Promise<void>(resolve => server.listen(ports[0], '127.0.0.1', resolve))
    server.close()
  })
})

describe('whyNotLoopback', () => {
  it('quotes the system when an address cannot be had', async () => {
    // RFC 5737: an address for documentation, which no machine has.
    expect(await whyNotLoopback(['192.0.2.1'])).toMatch(/192\.0\.2\.1:80/)
  })

  it('has nothing to say when no address is asked for', async () => {
    expect(await whyNotLoopback([])).toBeUndefined()
  })
})
