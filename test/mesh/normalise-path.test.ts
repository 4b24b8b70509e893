import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodedPath, normalisePath } from '../../mesh/normalise-path.ts'
import type { Normalise } from '../../mesh/snapshot.ts'
import { describeCases } from '../support/cases.ts'

const LEVELS: readonly Normalise[] = ['none', 'base', 'merge-slashes', 'decode-and-merge-slashes']

interface Case {
  readonly mode: string
  readonly in: string
  readonly out: string
}

describeCases('path-normalization', "Istio's path normalisation pairs", read => {
  const cases = read('cases.json') as readonly Case[]

  it('has cases to run', () => {
    expect(cases.length).toBeGreaterThan(100)
  })

  it.each(cases)('at $mode, $in becomes $out', one => {
    const level = one.mode.toLowerCase().replaceAll('_', '-') as Normalise
    expect(LEVELS).toContain(level)
    expect(normalisePath(one.in, level) ?? '400').toBe(one.out)
  })
})

describe('normalisePath', () => {
  it.each(LEVELS)('refuses a NUL at %s, plain and encoded', level => {
    expect(normalisePath('/a\0b', level)).toBeUndefined()
    expect(normalisePath('/a%00b', level)).toBeUndefined()
  })

  it.each([
    ['/..', '/'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/a/./b', '/a/b'],
    ['/../../a', '/a'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/', '/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a..b/c..', '/a..b/c..'],
    ['\\a\\..\\b', '/b'],
    ['/a/..%2fb', '/a/..%2fb'],
    ['/%zz/%4', '/%zz/%4'],
    ['/%2541', '/%2541'],
    ['*', '*'],
  ])('at base, %s becomes %s', (path, expected) => {
    expect(normalisePath(path, 'base')).toBe(expected)
  })

  it('resolves dot segments that decoding of slashes brings up', () => {
    expect(normalisePath('/a/..%2f..%5cb', 'decode-and-merge-slashes')).toBe('/b')
  })

  it('changes nothing the second time', () => {
    const piece = fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', '\\', 'a', '%41', '%25', '%', '2')
    const path = fc.array(piece, { maxLength: 12 }).map(pieces => `/${pieces.join('')}`)
    fc.assert(
      fc.property(path, fc.constantFrom('base', 'merge-slashes'), (text, level) => {
        const once = normalisePath(text, level as Normalise)
        // What looks like an escape only after decoding is left to `decodedPath`.
        if (once === undefined || /%2?5?[0-9a-f]/i.test(once)) return
        expect(normalisePath(once, level as Normalise)).toBe(once)
      }),
      { numRuns: 2000, seed: 8 },
    )
  })

  it('never leaves a dot segment at base or above', () => {
    const piece = fc.constantFrom('/', '.', '..', '%2e', '%2E%2e', '\\', 'a', '%2f')
    const path = fc.array(piece, { maxLength: 12 }).map(pieces => `/${pieces.join('')}`)
    fc.assert(
      fc.property(path, fc.constantFrom(...LEVELS.slice(1)), (text, level) => {
        expect(normalisePath(text, level)?.split('/')).not.toEqual(expect.arrayContaining(['..']))
        expect(normalisePath(text, level)?.split('/')).not.toEqual(expect.arrayContaining(['.']))
      }),
      { numRuns: 2000, seed: 9 },
    )
  })
})

describe('decodedPath', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a/%2e%2e%2fadmin', '/admin'],
    ['/a/%252e%252e%252fadmin', '/admin'],
    ['/a/%25%32%65%25%32%65/admin', '/admin'],
    ['/a//b', '/a/b'],
    ['/a\\..\\b', '/b'],
    ['/a/..%5cb', '/b'],
    ['/x%c0%af..%c0%afadmin', '/admin'],
    ['/x%e0%80%af..%e0%80%afadmin', '/admin'],
    ['/x%f0%80%80%af..%f0%80%80%afadmin', '/admin'],
    ['/a/..;/admin', '/admin'],
    ['/a/..;jsessionid=1/b/.;x/c', '/b/c'],
    ['/a/%2e%2e%253b/admin', '/admin'],
    ['/a/b;v=1/..c;d', '/a/b;v=1/..c;d'],
    ['/caf%C3%A9', '/caf\xc3\xa9'],
    ['/%', '/%'],
  ])('reads %s as %s', (path, expected) => {
    expect(decodedPath(path)).toBe(expected)
  })

  it('has no form for a NUL that only decoding twice brings up', () => {
    expect(decodedPath('/a%2500')).toBeUndefined()
  })

  it('leaves nothing to decode', () => {
    const piece = fc.constantFrom('%', '2', '5', 'e', 'f', '%25', '%2e', '/', 'a')
    const path = fc.array(piece, { maxLength: 20 }).map(pieces => `/${pieces.join('')}`)
    fc.assert(
      fc.property(path, text => {
        const decoded = decodedPath(text)
        if (decoded !== undefined) expect(decodedPath(decoded)).toBe(decoded)
        expect(decoded ?? '').not.toMatch(/%[0-9a-f]{2}/i)
      }),
      { numRuns: 2000, seed: 10 },
    )
  })

  it('takes linear time for escapes of escapes', () => {
    // 200,000 rounds of decoding: a decoder that starts again after each would not come back.
    expect(decodedPath(`/%${'25'.repeat(200_000)}61`)).toBe('/a')
  })
})
