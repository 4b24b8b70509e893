/** What every source of endpoints must do; each implementation's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Discovery } from '../../../control/discovery/discovery.ts'
import type { Endpoint } from '../../../mesh/snapshot.ts'

export interface DiscoveryCase {
  readonly discovery: Discovery
  /** Makes these the workload's endpoints, and resolves when the source has taken them. */
  provide(workload: string, endpoints: readonly Endpoint[]): Promise<void>
  /** Makes the source fail once, in whatever way it can. */
  fail(): Promise<void>
  close(): void
}

export const endpoint = (id: string, more: Partial<Endpoint> = {}): Endpoint => ({
  id,
  address: '127.0.0.1',
  port: 15006,
  weight: 1,
  health: 'healthy',
  ...more,
})

export function discoveryContract(name: string, create: () => Promise<DiscoveryCase>): void {
  describe(`discovery contract: ${name}`, () => {
    let subject: DiscoveryCase
    let seen: (readonly Endpoint[])[]
    beforeEach(async () => {
      subject = await create()
      seen = []
    })
    afterEach(() => subject.close())
    const watch = (workload: string) => subject.discovery.watch(workload, endpoints => seen.push(endpoints))

    it('stays silent while nothing is known', () => {
      watch('web')
      expect(seen).toEqual([])
    })

    it('tells the whole list at once when it is known already', async () => {
      const both = [endpoint('a', { zone: 'z1', version: '7' }), endpoint('b', { port: 2, weight: 0.5 })]
      await subject.provide('web', both)
      watch('web')
      expect(seen).toEqual([both])
    })

    it('tells whole lists, ordered by id, as they change', async () => {
      watch('web')
      await subject.provide('web', [endpoint('b')])
      await subject.provide('web', [endpoint('b'), endpoint('a', { port: 2 })])
      await subject.provide('web', [endpoint('a', { port: 2, health: 'draining' })])
      expect(seen.at(0)).toEqual([endpoint('b')])
      expect(seen).toContainEqual([endpoint('a', { port: 2 }), endpoint('b')])
      expect(seen.at(-1)).toEqual([endpoint('a', { port: 2, health: 'draining' })])
    })

    it('tells an empty list when the last endpoint has gone', async () => {
      await subject.provide('web', [endpoint('a')])
      watch('web')
      await subject.provide('web', [])
      expect(seen).toEqual([[endpoint('a')], []])
    })

    it('says nothing when nothing changed', async () => {
      await subject.provide('web', [endpoint('a'), endpoint('b', { port: 2 })])
      watch('web')
      await subject.provide('web', [endpoint('b', { port: 2 }), endpoint('a')])
      expect(seen).toHaveLength(1)
    })

    it('keeps workloads apart', async () => {
      watch('web')
      await subject.provide('orders', [endpoint('a')])
      expect(seen).toEqual([])
    })

    it('stops when it is told to, and only for who asked', async () => {
      const others: unknown[] = []
      subject.discovery.watch('web', endpoints => others.push(endpoints))
      const stop = watch('web')
      stop()
      stop()
      await subject.provide('web', [endpoint('a')])
      expect(seen).toEqual([])
      expect(others).toHaveLength(1)
    })

    it('keeps the last good list when the source fails', async () => {
      await subject.provide('web', [endpoint('a')])
      watch('web')
      await subject.fail()
      watch('web')
      expect(seen).toEqual([[endpoint('a')], [endpoint('a')]])
    })
  })
}
