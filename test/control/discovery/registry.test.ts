import { beforeEach, describe, expect, it } from 'vitest'
import { Deregistered, type Registry, registry } from '../../../control/discovery/registry.ts'
import { memoryStore } from '../../../control/store/memory.ts'
import type { Store } from '../../../control/store/store.ts'
import { type RegistrationBody, registrationSchema } from '../../../mesh/protocol.ts'
import type { Endpoint } from '../../../mesh/snapshot.ts'
import { type HandClock, handClock } from '../hand-clock.ts'
import { discoveryContract, endpoint } from './discovery.contract.ts'

const mesh = 'shop'
const body = (more: Partial<RegistrationBody> = {}) =>
  registrationSchema.parse({ address: '127.0.0.1', port: 15006, ...more })
const report = { version: '1', ready: true }

/** A store whose writes of registrations can be made to fail. */
function breakable(store: Store): Store & { broken: boolean } {
  const subject = { ...store, broken: false }
  subject.putRegistration = async (...args) => {
    if (subject.broken) throw new Error('the disk is full')
    return store.putRegistration(...args)
  }
  return subject
}

discoveryContract('registry', async () => {
  const store = breakable(memoryStore())
  const subject = await registry({ store, mesh, clock: handClock(), onError: () => {} })
  return {
    discovery: subject,
    async provide(workload, endpoints) {
      const wanted = new Set(endpoints.map(each => each.id))
      for (const { id, ...rest } of endpoints) await subject.register(workload, id, body(rest))
      for (const lease of subject.leases())
        if (!wanted.has(lease.id)) await subject.deregister(workload, lease.id)
    },
    async fail() {
      store.broken = true
      await expect(subject.register('web', 'new', body())).rejects.toThrow('the disk is full')
      await expect(subject.deregister('web', 'a')).rejects.toThrow('the disk is full')
    },
    close: () => subject.close(),
  }
})

describe('registry', () => {
  let clock: HandClock
  let store: Store
  let subject: Registry
  let seen: (readonly Endpoint[])[]
  const start = async () => {
    subject = await registry({
      store,
      mesh,
      clock,
      onError: error => {
        throw error
      },
    })
    seen = []
    subject.watch('web', endpoints => seen.push(endpoints))
  }
  /** Lets the steps that a sweep began come to their end. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const ids = () => seen.at(-1)?.map(each => each.id)

  beforeEach(async () => {
    clock = handClock()
    store = memoryStore()
    await start()
  })

  it('drops an endpoint when its lease ends, and not before', async () => {
    await subject.register('web', 'a', body({ leaseSeconds: 15 }))
    clock.advance(14_900)
    await settle()
    expect(ids()).toEqual(['a'])
    clock.advance(1000)
    await settle()
    expect(ids()).toEqual([])
    expect(await store.registrations(mesh)).toEqual([])
  })

  it('keeps a bounded number of tombstones of a workload, the latest', async () => {
    for (let index = 0; index <= 2000; index++) {
      await subject.register('web', `e${index}`, body())
      await subject.deregister('web', `e${index}`)
    }
    expect(await store.registrations(mesh)).toHaveLength(2000)
    await expect(subject.register('web', 'e2000', body())).rejects.toThrow(Deregistered)
    await expect(subject.register('web', 'e0', body())).resolves.toBeUndefined()
  })

  it('keeps an endpoint that renews, without telling anybody or writing anything', async () => {
    let writes = 0
    const counted = memoryStore()
    const put = counted.putRegistration
    store = {
      ...counted,
      putRegistration: (...args) => {
        writes++
        return put(...args)
      },
    }
    await start()
    for (let round = 0; round < 10; round++) {
      await subject.register('web', 'a', body({ leaseSeconds: 15, report }))
      clock.advance(10_000)
      await settle()
    }
    expect(seen).toHaveLength(1)
    expect(writes).toBe(1)
  })

  it('passes draining on at once, and takes a sidecar that is not ready for draining', async () => {
    await subject.register('web', 'a', body())
    await subject.register('web', 'a', body({ health: 'draining' }))
    expect(seen.at(-1)).toEqual([endpoint('a', { health: 'draining' })])
    await subject.register('web', 'a', body({ report }))
    expect(seen.at(-1)).toEqual([endpoint('a')])
    await subject.register('web', 'a', body({ report: { ...report, ready: false } }))
    expect(seen.at(-1)).toEqual([endpoint('a', { health: 'draining' })])
  })

  it('refuses a late renewal after a deregistration, also after a restart', async () => {
    await subject.register('web', 'a', body({ startedAtMs: 100 }))
    await subject.deregister('web', 'a')
    await expect(subject.register('web', 'a', body({ startedAtMs: 100 }))).rejects.toThrow(Deregistered)
    subject.close()
    await start()
    await expect(subject.register('web', 'a', body({ startedAtMs: 100 }))).rejects.toThrow(Deregistered)
    expect(seen).toEqual([])
  })

  it('lets a process that started later have the id again', async () => {
    await subject.register('web', 'a', body({ startedAtMs: 100 }))
    await subject.deregister('web', 'a')
    await subject.register('web', 'a', body({ startedAtMs: 101 }))
    expect(ids()).toEqual(['a'])
  })

  it('forgets a tombstone when no renewal can be on its way any more', async () => {
    await subject.register('web', 'a', body())
    await subject.deregister('web', 'a')
    clock.advance(700_000)
    await settle()
    expect(await store.registrations(mesh)).toEqual([])
    await subject.register('web', 'a', body())
    expect(ids()).toEqual(['a'])
  })

  it('deregisters what never was', async () => {
    await subject.deregister('web', 'never')
    expect(seen).toEqual([])
  })

  it('begins every lease with its full time after a restart, and knows the endpoints at once', async () => {
    await subject.register('web', 'a', body({ leaseSeconds: 15 }))
    clock.advance(14_000)
    subject.close()
    clock.advance(3_600_000)
    await start()
    expect(ids()).toEqual(['a'])
    clock.advance(14_000)
    await settle()
    expect(ids()).toEqual(['a'])
    clock.advance(2000)
    await settle()
    expect(ids()).toEqual([])
  })

  it('begins every lease anew when the process itself did not run for a while', async () => {
    let pausedMs = 0
    const running = clock
    subject.close()
    clock = { ...running, monotonic: () => running.monotonic() + pausedMs }
    await start()
    await subject.register('web', 'a', body({ leaseSeconds: 15 }))
    pausedMs = 3_600_000
    clock.advance(1000)
    await settle()
    expect(ids()).toEqual(['a'])
    clock.advance(16_000)
    await settle()
    expect(ids()).toEqual([])
  })

  it('takes a new registration at the same address and port for the end of the old one', async () => {
    await subject.register('web', 'old', body({ port: 7000 }))
    await subject.register('web', 'other', body({ port: 7001 }))
    await subject.register('web', 'new', body({ port: 7000 }))
    expect(ids()).toEqual(['new', 'other'])
    await subject.register('orders', 'elsewhere', body({ port: 7000 }))
    expect(subject.leases()).toHaveLength(3)
  })

  it('waits for nothing once it is closed', () => {
    expect(clock.pending).toBe(1)
    subject.close()
    expect(clock.pending).toBe(0)
  })
})
