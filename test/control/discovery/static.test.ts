import { describe, expect, it } from 'vitest'
import { staticDiscovery } from '../../../control/discovery/static.ts'
import type { Endpoint } from '../../../mesh/snapshot.ts'
import { discoveryContract, endpoint } from './discovery.contract.ts'

discoveryContract('static', async () => {
  const discovery = staticDiscovery()
  return {
    discovery,
    provide: async (workload, endpoints) => discovery.replace({ [workload]: [...endpoints] }),
    fail: async () => {
      const broken = { web: [{ id: 'x', address: 'not an address', port: 1 }] }
      expect(() => discovery.replace(broken)).toThrow()
    },
    close: () => {},
  }
})

describe('static discovery', () => {
  it('fills in defaults, and names the place of what is wrong', () => {
    const discovery = staticDiscovery({ web: [{ id: 'a', address: '::1', port: 80 }] })
    const seen: (readonly Endpoint[])[] = []
    discovery.watch('web', endpoints => seen.push(endpoints))
    expect(seen).toEqual([[endpoint('a', { address: '::1', port: 80 })]])
    expect(() => discovery.replace({ web: [{ id: 'a', address: '::1', port: 70_000 }] })).toThrow(/"port"/)
  })

  it('keeps the list of a workload that is no longer named: that is unknown, not empty', () => {
    const discovery = staticDiscovery({ web: [{ id: 'a', address: '::1', port: 80 }] })
    const seen: (readonly Endpoint[])[] = []
    discovery.watch('web', endpoints => seen.push(endpoints))
    discovery.replace({ orders: [] })
    expect(seen).toHaveLength(1)
  })
})
