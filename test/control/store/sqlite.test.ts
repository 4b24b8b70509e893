import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreUnusable, sqliteStore } from '../../../control/store/sqlite.ts'
import { storeContract } from './store.contract.ts'
import { fragment, meshRevision } from './store-values.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'selvage-store-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

storeContract('sqlite', options => sqliteStore({ path: join(directory, 'store.sqlite'), ...options }))

describe('sqlite store', () => {
  it('has everything after it was closed and opened again', async () => {
    const path = join(directory, 'store.sqlite')
    const first = sqliteStore({ path })
    await first.commit('shop', meshRevision(1, { a: fragment('one') }))
    await first.putToken('shop', { kind: 'operator', id: 'op', hash: 'cd' })
    await first.close()
    const second = sqliteStore({ path })
    expect((await second.read('shop'))?.fragments.get('a')).toEqual(fragment('one'))
    expect(await second.token('shop', 'op')).toBeDefined()
    await second.close()
  })

  it('keeps its files to their owner', async () => {
    const path = join(directory, 'below', 'store.sqlite')
    const store = sqliteStore({ path })
    await store.commit('shop', meshRevision(1, { a: fragment('one') }))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600)
    expect(statSync(join(directory, 'below')).mode & 0o777).toBe(0o700)
    await store.close()
  })

  it('forgets a content with the last revision that held it', async () => {
    const path = join(directory, 'store.sqlite')
    const store = sqliteStore({ path, historyLimit: 2 })
    for (const [index, text] of ['one', 'two', 'three'].entries()) {
      await store.commit('shop', meshRevision(index + 1, { a: fragment(text) }))
    }
    await store.close()
    const file = new DatabaseSync(path)
    expect(file.prepare('SELECT hash FROM contents ORDER BY hash').all()).toMatchObject([
      { hash: 'hash of three' },
      { hash: 'hash of two' },
    ])
    file.close()
  })

  it('refuses a file that another store has open', async () => {
    const path = join(directory, 'store.sqlite')
    const first = sqliteStore({ path })
    expect(() => sqliteStore({ path })).toThrow(/another control plane is using it/)
    await first.close()
  })

  it('refuses a file that is not its own, naming it', () => {
    const path = join(directory, 'store.sqlite')
    writeFileSync(path, 'a letter to my grandmother, long enough to be no SQLite header'.repeat(20))
    expect(() => sqliteStore({ path })).toThrow(StoreUnusable)
    expect(() => sqliteStore({ path })).toThrow(`${path}: it is not a SQLite file`)
  })

  it('refuses the database of something else, and leaves it as it is', () => {
    const path = join(directory, 'store.sqlite')
    const foreign = new DatabaseSync(path)
    foreign.exec('CREATE TABLE letters (text TEXT)')
    foreign.close()
    expect(() => sqliteStore({ path })).toThrow(`${path}: it is the database of something else`)
  })

  it('refuses a damaged file when it is opened, not when what is lost is asked for', async () => {
    const path = join(directory, 'store.sqlite')
    await sqliteStore({ path }).close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xa5, 4200, 20_000))
    expect(() => sqliteStore({ path })).toThrow(/store\.sqlite: it is damaged.*restore a copy/)
  })

  it('has a whole revision with all its content when the writer was killed', async () => {
    const path = join(directory, 'store.sqlite')
    for (let round = 0; round < 3; round++) {
      const writer = spawn(process.execPath, [
        fileURLToPath(new URL('sqlite-writer.ts', import.meta.url)),
        path,
      ])
      await once(writer.stdout, 'data')
      writer.kill('SIGKILL')
      await once(writer, 'exit')
      const store = sqliteStore({ path, historyLimit: 10 })
      const history = (await store.history('shop', 100)).map(entry => entry.revision)
      const newest = history[0] ?? 0
      expect(history).toEqual(Array.from({ length: 10 }, (_, index) => newest - index))
      for (const revision of history) {
        const text = `${revision} `.repeat(2000)
        const kept = (await store.read('shop', revision))?.fragments
        expect(new TextDecoder().decode(kept?.get('a')?.content)).toBe(text)
        expect(new TextDecoder().decode(kept?.get('b')?.content)).toBe(`b${text}`)
      }
      await store.close()
    }
  })
})
