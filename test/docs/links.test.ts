import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name)),
]

const localLinks = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(match => match[1]!)
    .filter(target => !/^[a-z]+:/.test(target))

describe('documentation', () => {
  it.each(pages)('%s links only to files that are there', page => {
    const broken = localLinks(readFileSync(join(root, page), 'utf8'))
      .map(target => relative(root, join(root, dirname(page), target)))
      .filter(target => !existsSync(join(root, target)))
    expect(broken).toEqual([])
  })
})
