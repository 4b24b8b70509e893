/** HPACK decoding (RFC 7541 3 and 6): one decoder for each direction of a connection, header blocks in order. */
import { DynamicTable } from './dynamic-table.ts'
import { type Field, fieldOf } from './field.ts'
import { decodeHuffman } from './huffman.ts'
import { STATIC_ENTRIES, STATIC_TABLE } from './static-table.ts'

/** A header block that cannot be decoded: the connection's state is lost (COMPRESSION_ERROR, RFC 9113 4.3). */
export class HpackError extends Error {
  override readonly name = 'HpackError'
}

/** No integer here means anything beyond this; RFC 7541 5.1 lets a decoder bound them. */
const MAX_INTEGER = 0x0fff_ffff

/** First bits of each representation (RFC 7541 6). */
const INDEXED = 0x80
const WITH_INDEXING = 0x40
const SIZE_UPDATE = 0x20
const HUFFMAN = 0x80

export class HpackDecoder {
  private readonly table: DynamicTable
  /** The largest table that our SETTINGS allow the peer. */
  private allowedBytes: number
  /** Our allowance shrank below the table: the next block must begin with a size update (RFC 7541 4.2). */
  private awaitsUpdate = false
  private bytes: Buffer = Buffer.alloc(0)
  private at = 0
  private end = 0

  constructor(maxTableBytes: number) {
    this.table = new DynamicTable(maxTableBytes)
    this.allowedBytes = maxTableBytes
  }

  /** Our SETTINGS_HEADER_TABLE_SIZE took effect. */
  allow(maxTableBytes: number): void {
    this.allowedBytes = maxTableBytes
    this.awaitsUpdate = maxTableBytes < this.table.maxBytes
  }

  /**
   * Decodes one complete header block, `bytes[from, to)`, a call of `visit` for each field. `visit` may see any
   * octets: what names and values may hold is the caller's check, and so is how many it wants. Throws an `HpackError`.
   */
  decode(bytes: Buffer, from: number, to: number, visit: (field: Field) => void): void {
    this.bytes = bytes
    this.at = from
    this.end = to
    this.sizeUpdates()
    while (this.at < to) {
      const first = bytes[this.at]!
      if ((first & INDEXED) !== 0) visit(this.entry(this.integer(7)))
      else if ((first & WITH_INDEXING) !== 0) visit(this.indexed(this.literal(6)))
      else if ((first & SIZE_UPDATE) !== 0) throw new HpackError('a table size update stands behind a field')
      else visit(this.literal(4))
    }
  }

  /** Only at the beginning of a block, and two at the most: the smallest size, then the last (RFC 7541 4.2). */
  private sizeUpdates(): void {
    for (let updates = 0; this.at < this.end && (this.bytes[this.at]! & 0xe0) === SIZE_UPDATE; updates++) {
      if (updates === 2) throw new HpackError('more than two table size updates in a row')
      const size = this.integer(5)
      if (size > this.allowedBytes) {
        throw new HpackError(`table size update to ${size}, at most ${this.allowedBytes} is allowed`)
      }
      this.table.resize(size)
      this.awaitsUpdate = false
    }
    if (this.awaitsUpdate) throw new HpackError('the table was made smaller, and no size update confirms it')
  }

  private entry(index: number): Field {
    if (index === 0) throw new HpackError('index 0')
    if (index <= STATIC_ENTRIES) return STATIC_TABLE[index]!
    const field = this.table.byAge(index - STATIC_ENTRIES - 1)
    if (field === undefined) throw new HpackError(`index ${index} is beyond the table`)
    return field
  }

  private literal(prefixBits: number): Field {
    const index = this.integer(prefixBits)
    const name = index === 0 ? this.text() : this.entry(index).name
    return fieldOf(name, this.text())
  }

  private indexed(field: Field): Field {
    this.table.insert(field)
    return field
  }

  /** RFC 7541 5.1. */
  private integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1
    let value = this.octet() & mask
    if (value < mask) return value
    for (let shift = 0; ; shift += 7) {
      const octet = this.octet()
      value += (octet & 0x7f) * 2 ** shift
      if (value > MAX_INTEGER || shift > 28) throw new HpackError('an integer is too large')
      if (octet < 0x80) return value
    }
  }

  /** RFC 7541 5.2. */
  private text(): string {
    if (this.at >= this.end) throw new HpackError('the header block ends in the middle of a field')
    const huffman = (this.bytes[this.at]! & HUFFMAN) !== 0
    const length = this.integer(7)
    const start = this.at
    if (length > this.end - start) throw new HpackError('a string is longer than its header block')
    this.at = start + length
    if (!huffman) return this.bytes.latin1Slice(start, this.at)
    const text = decodeHuffman(this.bytes, start, this.at)
    if (text === undefined) throw new HpackError('a string is not valid Huffman code')
    return text
  }

  private octet(): number {
    if (this.at >= this.end) throw new HpackError('the header block ends in the middle of a field')
    return this.bytes[this.at++]!
  }
}
