/** HPACK encoding (RFC 7541 6): one encoder for each direction of a connection, header blocks in order. */
import { DynamicTable } from './dynamic-table.ts'
import { type Field, fieldOf } from './field.ts'
import { huffmanLength, writeHuffman } from './huffman.ts'
import { STATIC_ENTRIES, STATIC_LINES, STATIC_NAMES } from './static-table.ts'

/** We never keep more than this for a peer, however much it allows. */
const MAX_TABLE_BYTES = 4096

/** An integer of 32 bits behind any prefix. */
const INTEGER_BYTES = 6

/** Secrets: never in a table, here or at any hop behind us (RFC 7541 7.1.3). */
const NEVER_INDEXED: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
])

/** Different in nearly every message: an entry would only push out useful ones. */
const NOT_WORTH_INDEXING: ReadonlySet<string> = new Set([
  ':path',
  'age',
  'content-length',
  'content-range',
  'date',
  'etag',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'location',
  'traceparent',
  'tracestate',
  'x-amzn-trace-id',
  'x-request-id',
])

export class HpackEncoder {
  private readonly table: DynamicTable
  /** Number of the newest entry, by line and by name. */
  private readonly lines = new Map<string, number>()
  private readonly names = new Map<string, number>()
  private readonly huffman: boolean
  /** Size updates that the next block must begin with: the smallest since the last block, and the last. */
  private smallest: number | undefined
  private out: Buffer = Buffer.allocUnsafe(1024)
  private at = 0

  /** `huffman`: fewer bytes for more work; between neighbours it does not pay. */
  constructor(peerTableBytes: number, huffman: boolean) {
    this.table = new DynamicTable(Math.min(peerTableBytes, MAX_TABLE_BYTES), (field, number) =>
      this.forget(field, number),
    )
    this.huffman = huffman
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE changed. */
  allow(peerTableBytes: number): void {
    const size = Math.min(peerTableBytes, MAX_TABLE_BYTES)
    if (size === this.table.maxBytes) return
    this.smallest = Math.min(this.smallest ?? size, size)
    this.table.resize(size)
  }

  begin(): void {
    this.at = 0
    if (this.smallest === undefined) return
    this.reserve(2 * INTEGER_BYTES)
    if (this.smallest < this.table.maxBytes) this.integer(0x20, 5, this.smallest)
    this.integer(0x20, 5, this.table.maxBytes)
    this.smallest = undefined
  }

  /** `name` in lower case; both latin1. */
  field(name: string, value: string): void {
    const line = `${name}: ${value}\r\n`
    const index = STATIC_LINES.get(line) ?? this.dynamicIndex(this.lines.get(line))
    if (index !== undefined) {
      this.reserve(INTEGER_BYTES)
      this.integer(0x80, 7, index)
      return
    }
    const nameIndex = STATIC_NAMES.get(name) ?? this.dynamicIndex(this.names.get(name)) ?? 0
    this.reserve(INTEGER_BYTES * 3 + 4 * (name.length + value.length))
    if (NEVER_INDEXED.has(name)) this.integer(0x10, 4, nameIndex)
    else if (NOT_WORTH_INDEXING.has(name)) this.integer(0x00, 4, nameIndex)
    else {
      this.integer(0x40, 6, nameIndex)
      this.remember(fieldOf(name, value))
    }
    if (nameIndex === 0) this.text(name)
    this.text(value)
  }

  /** The block since `begin`. Valid until the next `begin`. */
  end(): Buffer {
    return this.out.subarray(0, this.at)
  }

  private dynamicIndex(number: number | undefined): number | undefined {
    return number === undefined ? undefined : STATIC_ENTRIES + 1 + this.table.ageOf(number)
  }

  private remember(field: Field): void {
    const number = this.table.insert(field)
    if (number === undefined) return
    this.lines.set(field.line, number)
    this.names.set(field.name, number)
  }

  private forget(field: Field, number: number): void {
    if (this.lines.get(field.line) === number) this.lines.delete(field.line)
    if (this.names.get(field.name) === number) this.names.delete(field.name)
  }

  private integer(pattern: number, prefixBits: number, value: number): void {
    const mask = (1 << prefixBits) - 1
    if (value < mask) {
      this.out[this.at++] = pattern | value
      return
    }
    this.out[this.at++] = pattern | mask
    let rest = value - mask
    for (; rest >= 0x80; rest >>>= 7) this.out[this.at++] = 0x80 | (rest & 0x7f)
    this.out[this.at++] = rest
  }

  private text(text: string): void {
    if (this.huffman) {
      const length = huffmanLength(text)
      if (length < text.length) {
        this.integer(0x80, 7, length)
        this.at = writeHuffman(text, this.out, this.at)
        return
      }
    }
    this.integer(0x00, 7, text.length)
    this.at += this.out.latin1Write(text, this.at)
  }

  private reserve(bytes: number): void {
    if (this.out.length - this.at >= bytes) return
    const larger = Buffer.allocUnsafe(Math.max(this.out.length * 2, this.at + bytes))
    this.out.copy(larger, 0, 0, this.at)
    this.out = larger
  }
}
