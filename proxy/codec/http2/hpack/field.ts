/** A field of an HPACK table: its text as HTTP/1.1 would write it is made once and shared by every message that has it. */
import { type FieldKind, fieldKind } from '../../../field-kind.ts'

/** What an entry costs beyond its octets (RFC 7541 4.1). */
const ENTRY_OVERHEAD = 32

export interface Field {
  /** Lower case; pseudo-header fields begin with a colon. */
  readonly name: string
  readonly value: string
  /** `name: value\r\n`. */
  readonly line: string
  readonly kind: FieldKind
  /** RFC 7541 4.1. */
  readonly size: number
}

export const fieldOf = (name: string, value: string): Field => ({
  name,
  value,
  line: `${name}: ${value}\r\n`,
  kind: fieldKind(name),
  size: name.length + value.length + ENTRY_OVERHEAD,
})
