/**
 * A field as HPACK tables hold it. What can be told about it without its message (its text as HTTP/1.1 would write it,
 * whether it is well-formed) is worked out once and shared by every message that has it.
 */
import { type FieldKind, fieldKind } from '../../../field-kind.ts'

/** What an entry costs beyond its octets (RFC 7541 4.1). */
const ENTRY_OVERHEAD = 32

/** What RFC 9113 8.2.1 and 8.3 say of a field by itself. */
export const FieldForm = { UNKNOWN: 0, REGULAR: 1, COOKIE: 2, PSEUDO: 3, MALFORMED: 4 } as const

export type FieldForm = (typeof FieldForm)[keyof typeof FieldForm]

/** A token without capitals; a colon in front marks pseudo-header fields. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** Visible characters, obs-text, blanks and tabs within (RFC 9110 5.5, RFC 9113 8.2.1). */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/

export class Field {
  /** Lower case; pseudo-header fields begin with a colon. */
  readonly name: string
  readonly value: string
  /** RFC 7541 4.1. */
  readonly size: number
  private knownForm: FieldForm = FieldForm.UNKNOWN
  private knownLine: string | undefined = undefined
  private knownKind: FieldKind | undefined = undefined

  constructor(name: string, value: string) {
    this.name = name
    this.value = value
    this.size = name.length + value.length + ENTRY_OVERHEAD
  }

  /** `name: value\r\n`. */
  get line(): string {
    this.knownLine ??= `${this.name}: ${this.value}\r\n`
    return this.knownLine
  }

  get kind(): FieldKind {
    this.knownKind ??= fieldKind(this.name)
    return this.knownKind
  }

  get form(): FieldForm {
    if (this.knownForm === FieldForm.UNKNOWN) this.knownForm = formOf(this.name, this.value)
    return this.knownForm
  }
}

export const fieldOf = (name: string, value: string): Field => new Field(name, value)

function formOf(name: string, value: string): FieldForm {
  if (!VALUE.test(value)) return FieldForm.MALFORMED
  if (name.charCodeAt(0) === 0x3a) return FieldForm.PSEUDO
  if (!NAME.test(name)) return FieldForm.MALFORMED
  return name === 'cookie' ? FieldForm.COOKIE : FieldForm.REGULAR
}
