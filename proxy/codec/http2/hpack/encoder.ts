/** HPACK encoding (RFC 7541 6): one encoder for each direction of a connection, header blocks in order. */
import type { HeaderBlock } from '../../../header-block.ts'
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

/**
 * Different in every message: not worth a place in any table, nor looking for one (V8 puts every string that a Map is
 * asked for into a table of its own). None of them has a name in the static table.
 */
const UNIQUE: readonly string[] = ['traceparent', 'tracestate', 'x-amzn-trace-id', 'x-request-id']

/** Fields that are remembered besides those in the table. */
const MAX_KNOWN = 512

/** A field that was seen before: what can be known of it is worked out once. */
interface Known {
  readonly field: Field
  /** Index in the static table, of the whole field or of its name; 0: none. */
  readonly staticIndex: number
  readonly staticName: number
  readonly neverIndexed: boolean
  /** Its number in the dynamic table, if it is still there. */
  number: number
}

export class HpackEncoder {
  private readonly table: DynamicTable
  /** By the line as it stands in a message, in whatever case. */
  private readonly lines = new Map<string, Known>()
  /** By name and value, for fields that do not come out of a message. */
  private readonly pairs = new Map<string, Map<string, Known>>()
  private pairCount = 0
  /** Number of the newest entry of the dynamic table with that name. */
  private readonly names = new Map<string, number>()
  private readonly huffman: boolean
  /** Size updates that the next block must begin with: the smallest since the last block, and the last. */
  private smallest: number | undefined
  private out: Buffer = Buffer.allocUnsafe(1024)
  private at = 0

  /** `huffman`: fewer bytes for more work; between neighbours it does not pay. */
  constructor(peerTableBytes: number, huffman: boolean) {
    const size = Math.min(peerTableBytes, MAX_TABLE_BYTES)
    this.table = new DynamicTable(size, (field, number) => {
      if (this.names.get(field.name) === number) this.names.delete(field.name)
    })
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
    if (UNIQUE.includes(name)) {
      this.unique(name, value)
      return
    }
    const values = this.pairs.get(name)
    const known = values?.get(value)
    if (known !== undefined) this.again(known)
    else this.firstTime(name, value, each => this.keepPair(values, each))
  }

  /** A field of a message, by its number. */
  fieldOf(headers: HeaderBlock, field: number): void {
    for (const name of UNIQUE) {
      if (!headers.isNamed(field, name)) continue
      this.unique(name, headers.valueAt(field))
      return
    }
    const line = headers.lineAt(field)
    const known = this.lines.get(line)
    if (known !== undefined) this.again(known)
    else
      this.firstTime(headers.nameAt(field), headers.valueAt(field), each => {
        if (this.lines.size === MAX_KNOWN) this.lines.clear()
        this.lines.set(line, each)
      })
  }

  /** The block since `begin`. Valid until the next `begin`. */
  end(): Buffer {
    return this.out.subarray(0, this.at)
  }

  private keepPair(values: Map<string, Known> | undefined, known: Known): void {
    if (++this.pairCount > MAX_KNOWN) {
      this.pairCount = 1
      this.pairs.clear()
    }
    const { name, value } = known.field
    const place = this.pairs.get(name) ?? values ?? new Map<string, Known>()
    place.set(value, known)
    this.pairs.set(name, place)
  }

  /** What comes once may never come again: it is sent as it is, and remembered. */
  private firstTime(name: string, value: string, keep: (known: Known) => void): void {
    const known = knownOf(name, value)
    keep(known)
    if (known.staticIndex > 0) this.indexed(known.staticIndex)
    else this.literal(known, known.neverIndexed ? 0x10 : 0x00, 4)
  }

  /** What comes twice gets a place in the table. */
  private again(known: Known): void {
    if (known.staticIndex > 0) this.indexed(known.staticIndex)
    else if (this.table.has(known.number)) this.indexed(this.indexOf(known.number))
    else if (known.neverIndexed) this.literal(known, 0x10, 4)
    else {
      this.literal(known, 0x40, 6)
      known.number = this.table.insert(known.field)
      if (this.table.has(known.number)) this.names.set(known.field.name, known.number)
    }
  }

  private unique(name: string, value: string): void {
    this.reserve(INTEGER_BYTES * 3 + 4 * (name.length + value.length))
    this.integer(0x00, 4, 0)
    this.text(name)
    this.text(value)
  }

  private indexed(index: number): void {
    this.reserve(INTEGER_BYTES)
    this.integer(0x80, 7, index)
  }

  private literal({ field, staticName }: Known, pattern: number, prefixBits: number): void {
    const { name, value } = field
    const number = staticName === 0 ? this.names.get(name) : undefined
    const nameIndex = number === undefined ? staticName : this.indexOf(number)
    this.reserve(INTEGER_BYTES * 3 + 4 * (name.length + value.length))
    this.integer(pattern, prefixBits, nameIndex)
    if (nameIndex === 0) this.text(name)
    this.text(value)
  }

  private indexOf(number: number): number {
    return STATIC_ENTRIES + 1 + this.table.ageOf(number)
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

function knownOf(name: string, value: string): Known {
  const field = fieldOf(name, value)
  return {
    field,
    staticIndex: STATIC_LINES.get(field.line) ?? 0,
    staticName: STATIC_NAMES.get(name) ?? 0,
    neverIndexed: NEVER_INDEXED.has(name),
    number: -1,
  }
}
