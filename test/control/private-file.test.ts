import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writePrivateFile } from '../../control/private-file.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'selvage-private-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('writePrivateFile', () => {
  it('replaces a file whole, for its owner alone', () => {
    const path = join(directory, 'new', 'file.json')
    writePrivateFile(path, 'a longer text')
    writePrivateFile(path, 'text')
    expect(readFileSync(path, 'utf8')).toBe('text')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('names the file that it cannot write, and leaves nothing beside it', () => {
    const path = join(directory, 'file.json')
    mkdirSync(path)
    expect(() => writePrivateFile(path, 'text')).toThrow(`cannot write ${path}: `)
    expect(readdirSync(directory)).toEqual(['file.json'])
  })
})
