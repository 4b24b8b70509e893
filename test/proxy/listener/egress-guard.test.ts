import { describe, expect, test } from 'vitest'
import { EgressGuard, ownAddresses } from '../../../proxy/listener/egress-guard.ts'

const guard = new EgressGuard({
  ownAddresses: () => [
    { host: 'control.internal', port: 9443, what: 'the control plane' },
    { host: '127.0.0.1', port: 15000, what: 'the admin port of this proxy' },
    { host: '0.0.0.0', port: 15006, what: 'the mesh port of this proxy' },
  ],
  resolve: async host => {
    const known: Record<string, string[]> = {
      'example.com': ['93.184.216.34'],
      'rebound.example': ['169.254.169.254'],
      'both.example': ['169.254.169.254', '93.184.216.34'],
      'control.internal': ['10.0.0.9'],
      'sneaky.example': ['10.0.0.9'],
      localhost: ['127.0.0.1'],
    }
    return known[host] ?? []
  },
})

describe('EgressGuard', () => {
  test('gives the resolved address of a host outside', async () => {
    expect(await guard.addressOf('example.com', 443)).toBe('93.184.216.34')
    expect(await guard.addressOf('127.0.0.1', 4873)).toBe('127.0.0.1')
  })

  test.for([
    '169.254.169.254',
    '169.254.170.2',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[::ffff:169.254.169.254]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::169.254.169.254]',
    '[::169.254.169.254]',
    '0.0.0.0',
    '[::]',
    '224.0.0.1',
    '255.255.255.255',
  ])('refuses %s', async host => {
    await expect(guard.addressOf(host, 80)).rejects.toMatchObject({ code: 'egress-refused' })
  })

  test('judges what a name resolves to, and takes an address that is all right', async () => {
    await expect(guard.addressOf('rebound.example', 80)).rejects.toThrow('169.254.169.254 is a link-local')
    expect(await guard.addressOf('both.example', 80)).toBe('93.184.216.34')
  })

  test('refuses the control plane by whatever name, and only on its port', async () => {
    await expect(guard.addressOf('sneaky.example', 9443)).rejects.toThrow('is the control plane')
    expect(await guard.addressOf('sneaky.example', 443)).toBe('10.0.0.9')
  })

  test('refuses the ports of this proxy on every loopback address', async () => {
    await expect(guard.addressOf('localhost', 15000)).rejects.toThrow('is the admin port of this proxy')
    await expect(guard.addressOf('127.0.0.2', 15000)).rejects.toThrow('is the admin port of this proxy')
    await expect(guard.addressOf('[::1]', 15006)).rejects.toThrow('is the mesh port of this proxy')
  })

  test('says so when a name does not resolve', async () => {
    await expect(guard.addressOf('nowhere.example', 80)).rejects.toMatchObject({ code: 'connect-failure' })
  })
})

test('ownAddresses names each port of the proxy, and the control plane with its default port', () => {
  const ports = [['admin', { host: '127.0.0.1', port: 15000 }]] as const
  expect(ownAddresses(ports, new URL('https://[::1]/'))).toEqual([
    { host: '::1', port: 443, what: 'the control plane' },
    { host: '127.0.0.1', port: 15000, what: 'the admin port of this proxy' },
  ])
  expect(ownAddresses([], undefined)).toEqual([])
})
