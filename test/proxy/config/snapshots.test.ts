import { describe, expect, test } from 'vitest'
import type { Snapshot } from '../../../mesh/snapshot.ts'
import { MemoryConfig } from '../../../proxy/config/memory.ts'
import { Snapshots } from '../../../proxy/config/snapshots.ts'
import { openStateDir, type StateDir } from '../../../proxy/state-dir.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { keptLog } from '../../support/log.ts'
import { snapshot } from '../../support/snapshot.ts'

function begin(source = new MemoryConfig(), state: StateDir = openStateDir(undefined)) {
  const clock = new ManualClock()
  const log = keptLog()
  const applied: Snapshot[] = []
  const its = { apply: async (value: Snapshot) => void applied.push(value) }
  const snapshots = new Snapshots({
    source,
    state,
    mesh: 'shop',
    workload: 'web',
    clock,
    log,
    apply: value => its.apply(value),
    applied: () => {},
  })
  snapshots.start()
  return { source, state, clock, log, applied, its, snapshots }
}

const withDomain = (domain: string) => snapshot('web', { domain })
const domainsOf = (applied: readonly Snapshot[]) => applied.map(({ config }) => config.domain)

describe('Snapshots', () => {
  test('applies one at a time, and of those that come meanwhile only the newest', async () => {
    const { source, clock, applied, its } = begin()
    const gate = Promise.withResolvers<void>()
    its.apply = async value => {
      applied.push(value)
      if (applied.length === 1) await gate.promise
    }
    for (const domain of ['one', 'two', 'three']) source.set(withDomain(domain))
    await clock.advance(0)
    expect(domainsOf(applied)).toEqual(['one'])
    gate.resolve()
    await clock.advance(0)
    expect(domainsOf(applied)).toEqual(['one', 'three'])
  })

  test('applies and keeps nothing more once it was stopped, though a snapshot was on its way', async () => {
    const { source, clock, applied, its, snapshots } = begin()
    const gate = Promise.withResolvers<void>()
    its.apply = async value => {
      applied.push(value)
      await gate.promise
    }
    for (const domain of ['one', 'two']) source.set(withDomain(domain))
    await clock.advance(0)
    await snapshots.stop()
    gate.resolve()
    await clock.advance(0)
    expect(domainsOf(applied)).toEqual(['one'])
    expect(snapshots.current).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  test('hands over endpoints of the configuration under way at once: it may wait for them', async () => {
    const { clock, its, snapshots } = begin()
    const known = Promise.withResolvers<void>()
    its.apply = async value => {
      if ('orders' in value.endpoints.clusters) known.resolve()
      await known.promise
    }
    const { config } = withDomain('one')
    for (const clusters of [{}, { orders: [] }]) {
      const endpointsHash = String(Object.keys(clusters).length)
      snapshots.accept({
        configHash: 'c',
        endpointsHash,
        snapshot: { config, endpoints: { format: 1, clusters } },
      })
    }
    await clock.advance(0)
    expect(snapshots.current?.snapshot.endpoints.clusters).toEqual({ orders: [] })
  })

  test('keeps the last good one when the next cannot be applied, and remembers why', async () => {
    const { source, clock, its, snapshots, log } = begin()
    source.set(withDomain('good'))
    await clock.advance(0)
    its.apply = () => Promise.reject(new Error('route r1: no RE2 syntax'))
    source.set(withDomain('bad'))
    await clock.advance(0)
    expect(snapshots.current?.snapshot.config.domain).toBe('good')
    expect(snapshots.refusal).toBe('route r1: no RE2 syntax')
    expect(log.of('snapshot-refused')).toHaveLength(1)
  })

  test('forgets a refusal when a later snapshot is good', async () => {
    const { source, clock, snapshots } = begin()
    snapshots.refuse('no snapshot at all')
    source.set(withDomain('good'))
    await clock.advance(0)
    expect(snapshots.refusal).toBeUndefined()
  })

  test('refuses a snapshot of another workload or mesh', async () => {
    const { source, clock, snapshots, applied } = begin()
    source.set(snapshot('orders'))
    await clock.advance(0)
    expect(applied).toHaveLength(0)
    expect(snapshots.refusal).toBe('it is for orders of mesh shop, expected web of mesh shop')
  })

  test('stands in with what was kept when the source says nothing, and with nothing else', async () => {
    const first = begin()
    first.source.set(withDomain('kept'))
    await first.clock.advance(1000)
    const again = begin(new MemoryConfig(), first.state)
    await again.clock.advance(999)
    expect(again.applied).toHaveLength(0)
    await again.clock.advance(1)
    expect(domainsOf(again.applied)).toEqual(['kept'])
    again.source.set(withDomain('fresh'))
    await again.clock.advance(0)
    expect(again.snapshots.current?.snapshot.config.domain).toBe('fresh')
  })

  test('does not go back to what was kept when the source was quicker', async () => {
    const first = begin()
    first.source.set(withDomain('kept'))
    await first.clock.advance(1000)
    const again = begin(new MemoryConfig(withDomain('fresh')), first.state)
    await again.clock.advance(5000)
    expect(domainsOf(again.applied)).toEqual(['fresh'])
  })

  test('says why a kept snapshot cannot be used', async () => {
    const state = openStateDir(undefined)
    await state.write('snapshot.json', '{"configHash":"c"')
    const { clock, log } = begin(new MemoryConfig(), state)
    await clock.advance(2000)
    expect(log.of('kept-snapshot-unusable')[0]).toMatchObject({ reason: 'the file is damaged' })
  })

  test('keeps what is in force when it stops, even if that is new', async () => {
    const { source, clock, snapshots, state } = begin()
    source.set(withDomain('last'))
    await clock.advance(0)
    await snapshots.stop()
    expect(state.read('snapshot.json')).toContain('"domain":"last"')
  })
})
