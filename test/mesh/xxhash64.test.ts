import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, hashOf } from '../../mesh/hash.ts'
import { xxhash64 } from '../../mesh/xxhash64.ts'

const ascii = (text: string) => new TextEncoder().encode(text)

describe('xxhash64', () => {
  // Published vectors, seed 0.
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['as', '1c330fb2d66be179'],
    ['asd', '631c37ce72a97393'],
    ['asdf', '415872f599cea71e'],
    ['Call me Ishmael. Some years ago--never mind how long precisely-', '02a2e85470d6fd96'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('hashes %j as published', (text, expected) => {
    expect(xxhash64(ascii(text))).toBe(expected)
  })

  it('agrees with the specification written in BigInt when the input has any length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(xxhash64(bytes)).toBe(specification(bytes))
      }),
      { numRuns: 500, seed: 64 },
    )
  })

  it('reads a view from its own offset', () => {
    const bytes = ascii('--abc')
    expect(xxhash64(bytes.subarray(2))).toBe('44bc2cf5ad770999')
  })
})

describe('hashOf', () => {
  it('does not depend on the order of keys', () => {
    expect(hashOf({ a: 1, b: { c: [1, 2], d: 'x' } })).toBe(hashOf({ b: { d: 'x', c: [1, 2] }, a: 1 }))
  })

  it('tells lists in another order apart', () => {
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]))
  })

  it('leaves out what is undefined, as JSON does', () => {
    expect(canonicalJson({ b: undefined, a: [undefined, null] })).toBe('{"a":[null,null]}')
  })

  it('hashes the same after a journey through JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(hashOf(JSON.parse(JSON.stringify(value)))).toBe(hashOf(value))
      }),
      { numRuns: 200, seed: 65 },
    )
  })
})

const MASK = 0xffff_ffff_ffff_ffffn
const P = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const
const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & MASK
const round = (accumulator: bigint, lane: bigint) =>
  (rotate((accumulator + lane * P[1]) & MASK, 31n) * P[0]) & MASK

/** The algorithm of xxhash_spec.md, word for word and slowly. */
function specification(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let hash: bigint = P[4]
  if (bytes.length >= 32) {
    const lanes = [(P[0] + P[1]) & MASK, P[1], 0n, -P[0] & MASK] as [bigint, bigint, bigint, bigint]
    for (; at + 32 <= bytes.length; at += 32)
      for (let lane = 0; lane < 4; lane++)
        lanes[lane] = round(lanes[lane]!, view.getBigUint64(at + lane * 8, true))
    hash =
      (rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n)) & MASK
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P[0] + P[3]) & MASK
  }
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P[0] + P[3]) & MASK
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P[0]) & MASK), 23n) * P[1] + P[2]) & MASK
    at += 4
  }
  for (; at < bytes.length; at++)
    hash = (rotate(hash ^ ((BigInt(bytes[at]!) * P[4]) & MASK), 11n) * P[0]) & MASK
  hash = ((hash ^ (hash >> 33n)) * P[1]) & MASK
  hash = ((hash ^ (hash >> 29n)) * P[2]) & MASK
  return (hash ^ (hash >> 32n)).toString(16).padStart(16, '0')
}
