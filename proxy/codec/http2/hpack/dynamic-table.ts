/**
 * The dynamic table (RFC 7541 2.3.2 and 4): first in, first out, bounded by the sum of its entries' sizes. Entries are
 * numbered from 0 in the order of their insertion and kept in a ring, so that nothing ever moves.
 */
import type { Field } from './field.ts'

export class DynamicTable {
  private ring: (Field | undefined)[] = new Array(16)
  /** Number of the next insertion. */
  private inserted = 0
  private first = 0
  private bytes = 0
  private limit: number
  private readonly onEvict: ((field: Field, number: number) => void) | undefined

  constructor(maxBytes: number, onEvict?: (field: Field, number: number) => void) {
    this.limit = maxBytes
    this.onEvict = onEvict
  }

  get length(): number {
    return this.inserted - this.first
  }

  get maxBytes(): number {
    return this.limit
  }

  /** A smaller size evicts at once (RFC 7541 4.3). */
  resize(maxBytes: number): void {
    this.limit = maxBytes
    this.evictTo(maxBytes)
  }

  /** The entry `age` insertions back: 0 is the newest. Undefined beyond the oldest. */
  byAge(age: number): Field | undefined {
    return age < this.length ? this.ring[(this.inserted - 1 - age) & (this.ring.length - 1)] : undefined
  }

  /** Whether the entry of that number is (still) there. */
  has(number: number): boolean {
    return number >= this.first && number < this.inserted
  }

  /** How many insertions back the entry of that number is. */
  ageOf(number: number): number {
    return this.inserted - 1 - number
  }

  /** Returns the entry's number; -1 if it is larger than the whole table, which empties it (RFC 7541 4.4). */
  insert(field: Field): number {
    this.evictTo(this.limit - field.size)
    if (field.size > this.limit) return -1
    if (this.length === this.ring.length) this.grow()
    this.ring[this.inserted & (this.ring.length - 1)] = field
    this.bytes += field.size
    return this.inserted++
  }

  private evictTo(maxBytes: number): void {
    while (this.bytes > maxBytes && this.length > 0) {
      const slot = this.first & (this.ring.length - 1)
      const field = this.ring[slot]!
      this.ring[slot] = undefined
      this.bytes -= field.size
      this.onEvict?.(field, this.first)
      this.first++
    }
  }

  private grow(): void {
    const larger: (Field | undefined)[] = new Array(this.ring.length * 2)
    for (let number = this.first; number < this.inserted; number++) {
      larger[number & (larger.length - 1)] = this.ring[number & (this.ring.length - 1)]
    }
    this.ring = larger
  }
}
