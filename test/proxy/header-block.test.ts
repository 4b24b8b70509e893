import { describe, expect, it } from 'vitest'
import { HeaderBlock, HeaderEdits } from '../../proxy/header-block.ts'

const block = HeaderBlock.of([
  ['Host', 'a'],
  ['X-A', '1'],
  ['x-a', '2'],
  ['X-Empty', ''],
  ['X-Padded', ' \tb c\t '],
])

const fieldsOf = (each: HeaderBlock): [string, string][] => {
  const fields: [string, string][] = []
  each.forEach((name, value) => {
    fields.push([name, value])
  })
  return fields
}

describe('a header block', () => {
  it('finds a field whatever the case of its name', () => {
    expect(block.get('host')).toBe('a')
    expect(block.has('x-padded')).toBe(true)
  })

  it('joins repeated fields, and tells them apart when asked', () => {
    expect(block.get('x-a')).toBe('1, 2')
    expect(block.all('x-a')).toEqual(['1', '2'])
  })

  it('gives values without the blanks around them', () => {
    expect(block.get('x-padded')).toBe('b c')
    expect(block.get('x-empty')).toBe('')
  })

  it('tells a field that is not there from one that is empty', () => {
    expect(block.get('x')).toBeUndefined()
    expect(block.has('x-b')).toBe(false)
    expect(HeaderBlock.EMPTY.get('host')).toBeUndefined()
  })

  it('does not take other characters for letters', () => {
    // 0x40 and 0x60, '[' and '{' differ by the bit that tells the case of letters.
    expect(HeaderBlock.of([['x^', '1']]).has('x~')).toBe(false)
    expect(HeaderBlock.of([['x_', '1']]).has('x\x7f')).toBe(false)
  })

  it('gives all fields in their order, names in lower case', () => {
    expect(fieldsOf(block)).toEqual([
      ['host', 'a'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-empty', ''],
      ['x-padded', 'b c'],
    ])
    expect(fieldsOf(HeaderBlock.EMPTY)).toEqual([])
  })

  it('knows whether any name begins so', () => {
    expect(block.hasPrefix('x-pad')).toBe(true)
    expect(block.hasPrefix('y-')).toBe(false)
  })

  it.each([
    ['a name with a blank', 'x a', '1'],
    ['an empty name', '', '1'],
    ['a line end in a value', 'x', 'a\r\nevil: b'],
    ['a NUL in a value', 'x', 'a\0'],
    ['a character beyond latin1', 'x', '\u2713'],
  ])('cannot be built from %s', (_what, name, value) => {
    expect(() => HeaderBlock.of([[name, value]])).toThrow(TypeError)
    expect(() => new HeaderEdits().set(name, value)).toThrow(TypeError)
    expect(() => new HeaderEdits().append(name, value)).toThrow(TypeError)
  })
})

describe('header edits', () => {
  const added = (edits: HeaderEdits): string => edits.text

  it('replace, append and remove in the order in which they were made', () => {
    const edits = new HeaderEdits()
      .append('a', '1')
      .set('a', '2')
      .append('a', '3')
      .append('b', '4')
      .remove('b')
    expect(added(edits)).toBe('a: 2\r\na: 3\r\n')
    expect(edits.dropped).toEqual(['a', 'b'])
    expect(edits.get('a')).toBe('2, 3')
    expect(edits.get('b')).toBeUndefined()
  })

  it('remove by prefix, what was added too', () => {
    const edits = new HeaderEdits().set('x-selvage-a', '1').set('b', '2').removePrefix('x-selvage-')
    expect(added(edits)).toBe('b: 2\r\n')
  })

  it('leave those that they began from alone', () => {
    const base = new HeaderEdits().set('a', '1')
    const more = new HeaderEdits(base).set('b', '2').remove('a')
    expect(added(base)).toBe('a: 1\r\n')
    expect(added(more)).toBe('b: 2\r\n')
  })

  it.each(['content-length', 'transfer-encoding', 'connection', 'upgrade'])(
    'leave %s to the codec, which alone knows how the message is framed',
    name => {
      expect(() => new HeaderEdits().set(name, 'x')).toThrow(TypeError)
      expect(() => new HeaderEdits().append(name, 'x')).toThrow(TypeError)
    },
  )
})
