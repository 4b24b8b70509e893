import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HpackDecoder, HpackError } from '../../../../proxy/codec/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../../proxy/codec/http2/hpack/encoder.ts'
import { decodeHuffman, huffmanLength, writeHuffman } from '../../../../proxy/codec/http2/hpack/huffman.ts'

type Pair = [name: string, value: string]

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

function decoded(decoder: HpackDecoder, block: Buffer): Pair[] {
  const pairs: Pair[] = []
  decoder.decode(block, 0, block.length, ({ name, value }) => pairs.push([name, value]))
  return pairs
}

function encoded(encoder: HpackEncoder, pairs: readonly Pair[]): Buffer {
  encoder.begin()
  for (const [name, value] of pairs) encoder.field(name, value)
  return Buffer.from(encoder.end())
}

describe('Huffman code', () => {
  it('decodes the example of RFC 7541 C.4.1', () => {
    const bytes = hex('f1e3 c2e5 f23a 6ba0 ab90 f4ff')
    expect(decodeHuffman(bytes, 0, bytes.length)).toBe('www.example.com')
  })

  it('gives back every octet string', () => {
    const octets = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1'))
    fc.assert(
      fc.property(octets, text => {
        const out = Buffer.alloc(300)
        const end = writeHuffman(text, out, 0)
        expect(end).toBe(huffmanLength(text))
        expect(decodeHuffman(out, 0, end)).toBe(text)
      }),
      { seed: 7541, numRuns: 2000 },
    )
  })

  it.each([
    ['EOS', 'ffffffff'],
    ['a whole byte of padding', '1fff'],
    ['padding that is not all ones', '18'],
  ])('refuses %s', (_, bytes) => {
    expect(decodeHuffman(hex(bytes), 0, hex(bytes).length)).toBeUndefined()
  })
})

describe('HPACK decoder', () => {
  it('follows the requests of RFC 7541 C.4 through its dynamic table', () => {
    const decoder = new HpackDecoder(4096)
    const first: Pair[] = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ]
    expect(decoded(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))).toEqual(first)
    expect(decoded(decoder, hex('8286 84be 5886 a8eb 1064 9cbf'))).toEqual([
      ...first,
      ['cache-control', 'no-cache'],
    ])
  })

  it.each([
    ['index 0', '80'],
    ['an index beyond the table', 'be'],
    ['an integer that never ends', 'ffffffffffffffffff'],
    ['an integer beyond 28 bits', 'ff80808080807f'],
    ['a string beyond the block', '400a61'],
    ['a field that breaks off', '40'],
    ['a table size beyond what was allowed', '3fe21f'],
    ['a size update behind a field', '8220'],
    ['three size updates', '202020'],
    ['a string that is no Huffman code', '4084ffffffff00'],
  ])('refuses %s', (_, block) => {
    expect(() => decoded(new HpackDecoder(4096), hex(block))).toThrow(HpackError)
  })

  it('asks for a size update when its allowance shrank', () => {
    const decoder = new HpackDecoder(4096)
    decoder.allow(100)
    expect(() => decoded(decoder, hex('82'))).toThrow('no size update')
  })

  it('evicts the oldest entries first when the table is full', () => {
    const decoder = new HpackDecoder(80)
    decoded(decoder, hex('4001610131 4001620132 4001630133'))
    expect(decoded(decoder, hex('be bf'))).toEqual([
      ['c', '3'],
      ['b', '2'],
    ])
    expect(() => decoded(decoder, hex('c0'))).toThrow('beyond the table')
  })
})

describe('HPACK encoder', () => {
  const name = fc.constantFrom(
    ':path',
    'cookie',
    'date',
    'x-a',
    'x-b',
    'accept',
    'content-type',
    'authorization',
  )
  const value = fc.string({
    unit: fc.integer({ min: 32, max: 255 }).map(code => String.fromCharCode(code)),
    maxLength: 40,
  })
  const message = fc.array(fc.tuple(name, value), { maxLength: 8 })
  const step = fc.oneof(
    { weight: 5, arbitrary: message.map(pairs => ({ pairs })) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 5000 }).map(size => ({ size })) },
  )

  it.each([true, false])(
    'is understood by the decoder, whatever the table size does (Huffman: %s)',
    huffman => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 20 }), steps => {
          const encoder = new HpackEncoder(4096, huffman)
          const decoder = new HpackDecoder(4096)
          for (const each of steps) {
            if ('size' in each) {
              decoder.allow(Math.min(each.size, 4096))
              encoder.allow(each.size)
            } else expect(decoded(decoder, encoded(encoder, each.pairs))).toEqual(each.pairs)
          }
        }),
        { seed: 7541, numRuns: 300 },
      )
    },
  )

  it('sends a field that it has sent twice before as one byte', () => {
    const encoder = new HpackEncoder(4096, false)
    encoded(encoder, [['x-user-type', 'beta-tester']])
    encoded(encoder, [['x-user-type', 'beta-tester']])
    expect(encoded(encoder, [['x-user-type', 'beta-tester']])).toEqual(hex('be'))
  })

  it.each(['authorization', 'cookie', 'set-cookie', 'proxy-authorization'])('never indexes %s', secret => {
    const encoder = new HpackEncoder(4096, false)
    const block = encoded(encoder, [[secret, 's']])
    expect(block[0]! & 0xf0).toBe(0x10)
    expect(encoded(encoder, [[secret, 's']])).toEqual(block)
  })
})
