import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

const sources = readdirSync(join(root, 'proxy'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => readFileSync(join(root, 'proxy', name), 'utf8'))

/** A metric's name is written out where it is registered, as a literal. */
const named = sources.flatMap(text =>
  [...text.matchAll(/'((?:selvage|process)_[a-z_]+)'/g)].map(match => match[1]!),
)

const documented = (path: string, pattern: RegExp) =>
  [...readFileSync(join(root, path), 'utf8').matchAll(pattern)].map(match => match[1]!)

describe('docs/reference/metrics.md', () => {
  const rows = documented('docs/reference/metrics.md', /^\| `(\w+)` \|/gm)

  it('names every metric that the proxy has, once, and no other', () => {
    expect(rows.toSorted()).toEqual([...new Set(named)].toSorted())
  })

  it.each(['docs/operating.md', 'README.md'])('has every metric that %s names', page => {
    const unknown = documented(page, /`(selvage_\w+)/g).filter(name => !rows.includes(name))
    expect(unknown).toEqual([])
  })
})
