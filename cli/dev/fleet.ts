import { type Instance, keyOf } from './instances.ts'
import type { Member } from './member.ts'

/** Everybody who runs: kept in step with what the document asks for. */
export interface Fleet {
  readonly members: readonly Member[]
  /** Starts who is missing, ends who is no longer wanted, and leaves everybody else alone. */
  reconcile(wanted: readonly Instance[]): Promise<void>
  /** Lets requests in flight end, then ends apps and sidecars. */
  stop(): Promise<void>
}

export function createFleet(start: (instance: Instance) => Promise<Member>): Fleet {
  let members: readonly Member[] = []

  const end = async (leaving: readonly Member[]) => {
    await Promise.all(leaving.map(member => member.sidecar.drain()))
    await Promise.all(leaving.map(member => member.stopApp()))
    await Promise.all(leaving.map(member => member.sidecar.stop()))
  }

  return {
    get members() {
      return members
    },
    async reconcile(wanted) {
      const running = new Map(members.map(member => [keyOf(member.instance), member]))
      const keys = new Set(wanted.map(keyOf))
      const leaving = members.filter(member => !keys.has(keyOf(member.instance)))
      members = members.filter(member => !leaving.includes(member))
      await end(leaving)
      const started: Member[] = []
      const all = await Promise.allSettled(
        wanted.map(async instance => {
          const member = running.get(keyOf(instance)) ?? (await start(instance))
          started.push(member)
          return member
        }),
      )
      // Whoever did start is ours to end, even when another one could not.
      members = wanted.flatMap(instance =>
        started.filter(member => keyOf(member.instance) === keyOf(instance)),
      )
      for (const result of all) if (result.status === 'rejected') throw result.reason
    },
    async stop() {
      const leaving = members
      members = []
      await end(leaving)
    },
  }
}
