import { describe, expect, it } from 'vitest'
import { AddressesExhausted, allocateAddresses, parseAddressRange } from '../../control/address-pool.ts'

const range = parseAddressRange('127.83.0.0/16')
const allocate = (
  services: string[],
  current: Record<string, string> = {},
  preferred: Record<string, string> = {},
) =>
  Object.fromEntries(
    allocateAddresses(services, new Map(Object.entries(current)), range, new Map(Object.entries(preferred))),
  )

describe('allocateAddresses', () => {
  it('gives each new service the lowest address that is free', () => {
    expect(allocate(['web', 'orders', 'payments'], { orders: '127.83.0.2' })).toEqual({
      web: '127.83.0.1',
      orders: '127.83.0.2',
      payments: '127.83.0.3',
    })
  })

  it('keeps what a service has, whatever comes and goes around it', () => {
    const first = allocate(['a', 'b', 'c'])
    expect(allocate(['c', 'zebra', 'a'], first)).toMatchObject({ a: first.a, c: first.c })
  })

  it('frees an address only when its service is gone', () => {
    expect(allocate(['b', 'c'], { a: '127.83.0.1', b: '127.83.0.2' })).toEqual({
      b: '127.83.0.2',
      c: '127.83.0.1',
    })
  })

  it('gives back what a service had before when that is free, and another when it is not', () => {
    const preferred = { a: '127.83.0.9', b: '127.83.0.2' }
    expect(allocate(['a', 'b', 'c'], { c: '127.83.0.2' }, preferred)).toEqual({
      a: '127.83.0.9',
      b: '127.83.0.1',
      c: '127.83.0.2',
    })
  })

  it('does not give away what another service of the same change had before', () => {
    expect(allocate(['new', 'old'], {}, { old: '127.83.0.1' })).toEqual({
      new: '127.83.0.2',
      old: '127.83.0.1',
    })
  })

  it('carries on in the next octet', () => {
    const services = Array.from({ length: 300 }, (_, index) => `s${index}`)
    const addresses = allocate(services)
    expect(addresses.s254).toBe('127.83.0.255')
    expect(addresses.s255).toBe('127.83.1.0')
    expect(new Set(Object.values(addresses)).size).toBe(300)
  })

  it('says what is exhausted and what to do', () => {
    const small = parseAddressRange('127.84.0.0/30')
    expect([...allocateAddresses(['a', 'b'], new Map(), small).values()]).toEqual([
      '127.84.0.1',
      '127.84.0.2',
    ])
    const more = () => allocateAddresses(['a', 'b', 'c'], new Map(), small)
    expect(more).toThrow(AddressesExhausted)
    expect(more).toThrow(/127\.84\.0\.0\/30 holds 2, and the mesh would have 3 services; .*larger range/)
  })
})

describe('parseAddressRange', () => {
  it.each([
    ['hello', /expected a CIDR/],
    ['127.83.0.0', /expected a CIDR/],
    ['127.83.0.256/24', /expected a CIDR/],
    ['127.83.0.0/8', /expected a CIDR/],
    ['127.83.0.0/31', /expected a CIDR/],
    ['127.83.0.1/16', /bits set behind its prefix/],
    ['10.0.0.0/16', /not within/],
    ['127.0.0.0/16', /not within/],
    ['127.255.0.0/16', /not within/],
  ])('refuses %s', (text, reason) => {
    expect(() => parseAddressRange(text)).toThrow(reason)
  })
})
