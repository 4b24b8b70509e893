/** What every store must do; each implementation's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  FragmentTooLarge,
  MAX_FRAGMENT_BYTES,
  RevisionConflict,
  type Store,
  type StoredToken,
} from '../../../control/store/store.ts'
import { fragment, meshRevision } from './store-values.ts'

const registration = {
  address: '127.0.0.1',
  port: 15006,
  weight: 1,
  health: 'healthy',
  leaseSeconds: 15,
  startedAtMs: 5,
} as const

const joinToken = (id: string, expiresAtMs = 9000): StoredToken => ({
  kind: 'join',
  id,
  hash: 'ab',
  expiresAtMs,
  workload: 'web',
})

export function storeContract(name: string, create: (options: { historyLimit: number }) => Store): void {
  describe(`store contract: ${name}`, () => {
    let store: Store
    beforeEach(() => {
      store = create({ historyLimit: 5 })
    })
    afterEach(() => store.close())

    it('has revision 0 and nothing to read before the first commit', async () => {
      expect(await store.revision('shop')).toBe(0)
      expect(await store.read('shop')).toBeUndefined()
      expect(await store.history('shop', 10)).toEqual([])
    })

    it('reads back what was committed, bytes and addresses included', async () => {
      const written = meshRevision(1, { a: fragment('one'), b: fragment('two') }, { by: 'publisher:team' })
      await store.commit('shop', written)
      const read = await store.read('shop')
      expect(read).toEqual({ ...written, fragments: expect.any(Map) })
      expect(new TextDecoder().decode(read?.fragments.get('b')?.content)).toBe('two')
      expect(await store.revision('shop')).toBe(1)
    })

    it('keeps meshes apart', async () => {
      await store.commit('shop', meshRevision(1, { a: fragment('one') }))
      expect(await store.revision('bank')).toBe(0)
    })

    it.each([0, 1, 3])('refuses revision %i when 2 is next, and says where the mesh is', async wrong => {
      await store.commit('shop', meshRevision(1, { a: fragment('one') }))
      const refused = store.commit('shop', meshRevision(wrong, { a: fragment('two') }))
      await expect(refused).rejects.toThrow(RevisionConflict)
      await expect(refused).rejects.toMatchObject({ current: 1 })
      expect((await store.read('shop'))?.fragments.get('a')?.contentHash).toBe('hash of one')
    })

    it('loses no update when 200 writers race', { timeout: 60_000 }, async () => {
      const add = async (name: string): Promise<void> => {
        const head = await store.read('shop')
        const revision = (head?.revision ?? 0) + 1
        const fragments = { ...Object.fromEntries(head?.fragments ?? []), [name]: fragment(name, revision) }
        try {
          await store.commit('shop', meshRevision(revision, fragments))
        } catch (error) {
          if (!(error instanceof RevisionConflict)) throw error
          return add(name)
        }
      }
      await Promise.all(Array.from({ length: 200 }, (_, index) => add(`writer-${index}`)))
      const head = await store.read('shop')
      expect(head?.revision).toBe(200)
      expect(head?.fragments.size).toBe(200)
      expect(new Set([...(head?.fragments.values() ?? [])].map(each => each.revision)).size).toBe(200)
    })

    it('lists history newest first, within the limit asked for', async () => {
      await store.commit('shop', meshRevision(1, { a: fragment('one') }))
      await store.commit('shop', meshRevision(2, {}, { action: 'delete', subject: 'a', by: 'publisher:x' }))
      expect(await store.history('shop', 10)).toEqual([
        { revision: 2, atMs: 1002, by: 'publisher:x', action: 'delete', subject: 'a' },
        { revision: 1, atMs: 1001, by: 'operator', action: 'put', subject: 'mesh' },
      ])
      expect((await store.history('shop', 1)).map(entry => entry.revision)).toEqual([2])
    })

    it('reads an older revision with the content that it had', async () => {
      await store.commit('shop', meshRevision(1, { a: fragment('old'), b: fragment('gone') }))
      await store.commit('shop', meshRevision(2, { a: fragment('new', 2) }))
      const old = await store.read('shop', 1)
      expect(new TextDecoder().decode(old?.fragments.get('a')?.content)).toBe('old')
      expect(new TextDecoder().decode(old?.fragments.get('b')?.content)).toBe('gone')
    })

    it('takes back content that an older revision had', async () => {
      await store.commit('shop', meshRevision(1, { a: fragment('old') }))
      await store.commit('shop', meshRevision(2, { a: fragment('new', 2) }))
      await store.commit('shop', meshRevision(3, { a: fragment('old', 3) }))
      for (let revision = 4; revision < 12; revision++) {
        await store.commit(
          'shop',
          meshRevision(revision, { a: fragment('old', 3), b: fragment('b', revision) }),
        )
      }
      expect(new TextDecoder().decode((await store.read('shop'))?.fragments.get('a')?.content)).toBe('old')
    })

    it('keeps only as many revisions as its bound, with their content whole', async () => {
      for (let revision = 1; revision <= 8; revision++) {
        await store.commit('shop', meshRevision(revision, { a: fragment(`text ${revision}`, revision) }))
      }
      expect((await store.history('shop', 100)).map(entry => entry.revision)).toEqual([8, 7, 6, 5, 4])
      expect(await store.read('shop', 3)).toBeUndefined()
      const oldest = await store.read('shop', 4)
      expect(new TextDecoder().decode(oldest?.fragments.get('a')?.content)).toBe('text 4')
    })

    it('refuses a fragment above the size limit by name, and changes nothing', async () => {
      const large = { ...fragment('large'), content: new Uint8Array(MAX_FRAGMENT_BYTES + 1) }
      const refused = store.commit('shop', meshRevision(1, { small: fragment('small'), large }))
      await expect(refused).rejects.toThrow(FragmentTooLarge)
      await expect(refused).rejects.toThrow(/"large" is too large: 262145 bytes .* limit is 262144/)
      expect(await store.revision('shop')).toBe(0)
    })

    it('keeps registrations by workload and id, the newest value of each', async () => {
      await store.putRegistration('shop', { workload: 'web', id: 'a', registration })
      await store.putRegistration('shop', { workload: 'orders', id: 'a', registration })
      await store.putRegistration('shop', { workload: 'web', id: 'a', registration, deregisteredAtMs: 7 })
      const kept = await store.registrations('shop')
      expect(kept).toHaveLength(2)
      expect(kept).toContainEqual({ workload: 'web', id: 'a', registration, deregisteredAtMs: 7 })
    })

    it('deletes a registration, also one that never was', async () => {
      await store.putRegistration('shop', { workload: 'web', id: 'a', registration })
      await store.deleteRegistration('shop', 'web', 'a')
      await store.deleteRegistration('shop', 'web', 'never')
      expect(await store.registrations('shop')).toEqual([])
    })

    it('gives a token to exactly one of those who race to take it', async () => {
      await store.putToken('shop', joinToken('t'))
      const taken = await Promise.all(Array.from({ length: 50 }, () => store.takeToken('shop', 't')))
      expect(taken.filter(Boolean)).toHaveLength(1)
      expect(await store.token('shop', 't')).toBeUndefined()
    })

    it('lists tokens of one kind', async () => {
      const operator: StoredToken = { kind: 'operator', id: 'op', hash: 'cd' }
      await store.putToken('shop', joinToken('t'))
      await store.putToken('shop', operator)
      expect(await store.tokens('shop', 'operator')).toEqual([operator])
    })

    it('drops tokens that expired and keeps those without an end', async () => {
      await store.putToken('shop', joinToken('old', 1000))
      await store.putToken('shop', joinToken('new', 1001))
      await store.putToken('shop', { kind: 'operator', id: 'op', hash: 'cd' })
      await store.dropExpiredTokens('shop', 1000)
      expect(await store.token('shop', 'old')).toBeUndefined()
      expect(await store.token('shop', 'new')).toBeDefined()
      expect(await store.token('shop', 'op')).toBeDefined()
    })
  })
}
