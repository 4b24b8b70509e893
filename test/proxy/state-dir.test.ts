import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openStateDir } from '../../proxy/state-dir.ts'
import { tempFolder } from '../support/temp-folder.ts'

const fresh = () => join(tempFolder(), 'state')
const modeOf = (path: string) => statSync(path).mode & 0o777

describe('openStateDir', () => {
  test('creates a directory that only its user may enter and files that only it may read', async () => {
    const path = fresh()
    const state = openStateDir(path)
    await state.write('identity.json', 'key')
    expect(modeOf(path)).toBe(0o700)
    expect(modeOf(join(path, 'identity.json'))).toBe(0o600)
    expect(openStateDir(path).read('identity.json')).toBe('key')
  })

  test('closes off a directory that was open to others', () => {
    const path = fresh()
    mkdirSync(path)
    chmodSync(path, 0o755)
    openStateDir(path)
    expect(modeOf(path)).toBe(0o700)
  })

  test('keeps the last of several writes and leaves nothing else behind', async () => {
    const path = fresh()
    const state = openStateDir(path)
    await Promise.all(['a', 'b', 'c'].map(text => state.write('snapshot.json', text)))
    expect(state.read('snapshot.json')).toBe('c')
    expect(readdirSync(path)).toEqual(['snapshot.json'])
  })

  test('says which directory it cannot use', () => {
    const file = join(tempFolder(), 'file')
    writeFileSync(file, '')
    expect(() => openStateDir(join(file, 'state'))).toThrow(`state directory ${join(file, 'state')}: `)
  })

  test('reads nothing where nothing was kept, with and without a directory', () => {
    expect(openStateDir(fresh()).read('instance')).toBeUndefined()
    expect(openStateDir(undefined).read('instance')).toBeUndefined()
  })
})
