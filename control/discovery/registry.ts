/**
 * The embedded registry: endpoints register themselves under leases. Registrations are stored, so that a restart
 * of the control plane is not mistaken for an empty mesh; every lease then begins with its full time, because
 * nobody could renew while the control plane was away.
 */
import type { Clock } from '../../mesh/clock.ts'
import type { Registration } from '../../mesh/protocol.ts'
import type { Endpoint } from '../../mesh/snapshot.ts'
import { serial } from '../serial.ts'
import type { Store, StoredRegistration } from '../store/store.ts'
import { type Discovery, lists } from './discovery.ts'

export interface Lease {
  readonly workload: string
  readonly id: string
  readonly registration: StoredRegistration['registration']
  /** On the monotonic clock. */
  readonly endsMs: number
}

export interface Registry extends Discovery {
  /** Registers or renews. @throws Deregistered */
  register(workload: string, id: string, registration: Registration): Promise<void>
  /** Leaves a tombstone, so that a late renewal does not bring it back. Succeeds also when it never was. */
  deregister(workload: string, id: string): Promise<void>
  leases(): readonly Lease[]
  /** Of one workload. */
  leasesOf(workload: string): readonly Lease[]
  close(): void
}

/** A renewal came after the end: this process has to go, or to register again with a later start. */
export class Deregistered extends Error {
  readonly code = 'DEREGISTERED'
  constructor(workload: string, id: string) {
    super(
      `endpoint "${id}" of ${workload} was deregistered; a process that started later may register it again`,
    )
  }
}

export interface RegistryOptions {
  readonly store: Store
  readonly mesh: string
  readonly clock: Clock
  /** A write in the background failed; the registry goes on. */
  readonly onError: (error: unknown) => void
}

const SWEEP_MS = 500
/** A sweep that comes later than this did not run because nothing did: the machine slept, or we were stopped. */
const PAUSE_MS = 3000
const TOMBSTONE_MS = 600_000
/** A workload that invents ids pushes out its own tombstones only. */
const MAX_TOMBSTONES = 2000

type Tombstone = StoredRegistration & { readonly deregisteredAtMs: number }

export async function registry(options: RegistryOptions): Promise<Registry> {
  const { store, mesh, clock, onError } = options
  const leases = new Pairs<Lease>()
  const tombstones = new Pairs<Tombstone>()
  const kept = lists()
  const oneAtATime = serial()

  const publish = (workload: string): void => kept.set(workload, leases.of(workload).map(endpointOf))
  const begin = ({ workload, id, registration }: StoredRegistration): void => {
    const endsMs = clock.monotonic() + registration.leaseSeconds * 1000
    leases.set({ workload, id, registration, endsMs })
  }
  const end = async ({ workload, id }: Lease): Promise<void> => {
    leases.delete(workload, id)
    publish(workload)
    await store.deleteRegistration(mesh, workload, id)
  }
  const expire = (lease: Lease): Promise<void> =>
    oneAtATime(async () => {
      // Renewed while it waited for its turn.
      if (leases.get(lease.workload, lease.id) === lease) await end(lease)
    })
  const forget = (tombstone: Tombstone): Promise<void> =>
    oneAtATime(async () => {
      if (!tombstones.delete(tombstone.workload, tombstone.id)) return
      await store.deleteRegistration(mesh, tombstone.workload, tombstone.id)
    })

  for (const stored of await store.registrations(mesh)) {
    const { deregisteredAtMs } = stored
    if (deregisteredAtMs === undefined) begin(stored)
    else tombstones.set({ ...stored, deregisteredAtMs })
  }
  for (const workload of new Set(leases.all().map(lease => lease.workload))) publish(workload)

  const stopSweeping = sweepEvery(clock, paused => {
    for (const lease of leases.all()) {
      if (paused) begin(lease)
      else if (lease.endsMs <= clock.monotonic()) expire(lease).catch(onError)
    }
    for (const tombstone of tombstones.all()) {
      if (tombstone.deregisteredAtMs + TOMBSTONE_MS <= clock.now()) forget(tombstone).catch(onError)
    }
  })

  return {
    watch: kept.watch,
    leases: () => leases.all(),
    leasesOf: workload => leases.of(workload),
    close: stopSweeping,

    register: (workload, id, asked) =>
      oneAtATime(async () => {
        const tombstone = tombstones.get(workload, id)
        if (tombstone !== undefined && asked.startedAtMs <= tombstone.registration.startedAtMs) {
          throw new Deregistered(workload, id)
        }
        const stored = { workload, id, registration: lasting(asked) }
        const known = leases.get(workload, id)
        if (known !== undefined && same(known.registration, stored.registration)) return begin(stored)
        await store.putRegistration(mesh, stored)
        tombstones.delete(workload, id)
        begin(stored)
        for (const ghost of ghostsOf(stored, leases.of(workload))) await end(ghost)
        publish(workload)
      }),

    deregister: (workload, id) =>
      oneAtATime(async () => {
        const lease = leases.get(workload, id)
        if (lease === undefined) return
        const { registration } = lease
        const tombstone = { workload, id, registration, deregisteredAtMs: clock.now() }
        await store.putRegistration(mesh, tombstone)
        tombstones.set(tombstone)
        leases.delete(workload, id)
        publish(workload)
        for (const oldest of tombstones.of(workload).slice(0, -MAX_TOMBSTONES)) {
          tombstones.delete(workload, oldest.id)
          await store.deleteRegistration(mesh, workload, oldest.id)
        }
      }),
  }
}

/** Values by workload and id. */
class Pairs<T extends { readonly workload: string; readonly id: string }> {
  private readonly byWorkload = new Map<string, Map<string, T>>()

  get(workload: string, id: string): T | undefined {
    return this.byWorkload.get(workload)?.get(id)
  }

  set(value: T): void {
    const ids = this.byWorkload.get(value.workload) ?? new Map<string, T>()
    this.byWorkload.set(value.workload, ids.set(value.id, value))
  }

  delete(workload: string, id: string): boolean {
    return this.byWorkload.get(workload)?.delete(id) ?? false
  }

  of(workload: string): readonly T[] {
    return [...(this.byWorkload.get(workload)?.values() ?? [])]
  }

  all(): readonly T[] {
    return [...this.byWorkload.keys()].flatMap(workload => this.of(workload))
  }
}

/** Calls `sweep` regularly; `paused` when the time since the last one was far too long. */
function sweepEvery(clock: Clock, sweep: (paused: boolean) => void): () => void {
  let lastMs = clock.monotonic()
  const next = () =>
    clock.after(SWEEP_MS, () => {
      const nowMs = clock.monotonic()
      const paused = nowMs - lastMs > SWEEP_MS + PAUSE_MS
      lastMs = nowMs
      timer = next()
      sweep(paused)
    })
  let timer = next()
  return () => timer.cancel()
}

/** What is kept: the report is not, and a sidecar that is not ready gets nothing new. */
function lasting({ report, ...registration }: Registration): StoredRegistration['registration'] {
  return report?.ready === false ? { ...registration, health: 'draining' } : registration
}

const same = (a: StoredRegistration['registration'], b: StoredRegistration['registration']): boolean =>
  a.address === b.address &&
  a.port === b.port &&
  a.zone === b.zone &&
  a.version === b.version &&
  a.weight === b.weight &&
  a.health === b.health &&
  a.leaseSeconds === b.leaseSeconds &&
  a.startedAtMs === b.startedAtMs

/**
 * Other registrations of the same workload at the same address and port: one socket has one owner, so whoever had
 * it before is gone without having said so.
 */
const ghostsOf = ({ id, registration }: StoredRegistration, ofWorkload: readonly Lease[]): Lease[] =>
  ofWorkload.filter(
    other =>
      other.id !== id &&
      other.registration.address === registration.address &&
      other.registration.port === registration.port,
  )

function endpointOf({ id, registration }: Pick<Lease, 'id' | 'registration'>): Endpoint {
  const { address, port, zone, version, weight, health } = registration
  return {
    id,
    address,
    port,
    ...(zone === undefined ? undefined : { zone }),
    ...(version === undefined ? undefined : { version }),
    weight,
    health,
  }
}
