import { expect, it } from 'vitest'
import { HpackDecoder } from '../../proxy/codec/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../proxy/codec/http2/hpack/encoder.ts'
import { describeCases } from '../support/cases.ts'

type Field = Readonly<Record<string, string>>

interface Case {
  /** Hex; absent in the raw stories, which are there to be encoded. */
  readonly wire?: string
  readonly headers: readonly Field[]
  readonly header_table_size?: number
}

const DEFAULT_TABLE_BYTES = 4096

function decoded(decoder: HpackDecoder, block: Buffer): Field[] {
  const fields: Field[] = []
  decoder.decode(block, 0, block.length, ({ name, value }) => fields.push({ [name]: value }))
  return fields
}

function encoded(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  encoder.begin()
  for (const field of fields) for (const [name, value] of Object.entries(field)) encoder.field(name, value)
  return encoder.end()
}

describeCases('http2-hpack', 'HPACK stories', read => {
  const { list = [] } = read('index.json') as { list?: readonly { file: string }[] }

  it.each(list)('$file: decoded as told, and encoded again', ({ file }) => {
    const { cases } = read(file) as { cases: readonly Case[] }
    const decoder = new HpackDecoder(DEFAULT_TABLE_BYTES)
    const own = {
      encoder: new HpackEncoder(DEFAULT_TABLE_BYTES, true),
      decoder: new HpackDecoder(DEFAULT_TABLE_BYTES),
    }
    expect(cases.length).toBeGreaterThan(0)
    for (const { wire, headers, header_table_size } of cases) {
      if (header_table_size !== undefined) decoder.allow(header_table_size)
      if (wire !== undefined) expect(decoded(decoder, Buffer.from(wire, 'hex'))).toEqual(headers)
      expect(decoded(own.decoder, encoded(own.encoder, headers))).toEqual(headers)
    }
  })
})
