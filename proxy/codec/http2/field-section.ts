/**
 * Collects the fields of one message (RFC 9113 8.2 and 8.3) while its header block is decoded: pseudo-header fields
 * apart, the others as the text that every codec reads into. What is wrong is remembered, and decoding goes on: the
 * compression context must see every field. One collector for each connection.
 */
import { FieldKind } from '../../field-kind.ts'
import { HeaderBlock } from '../../header-block.ts'
import { type Field, FieldForm } from './hpack/field.ts'

export interface SectionLimits {
  readonly maxHeaderBytes: number
  readonly maxHeaderCount: number
}

/** 15 digits: every such number is exact in a double. */
const LENGTH = /^[0-9]{1,15}$/

export class FieldSection {
  /** Why the message is malformed (RFC 9113 8.1.1); the first reason. */
  problem: string | undefined = undefined
  tooLarge = false
  /** -1 when there is none. */
  contentLength = -1
  host: string | undefined = undefined
  expectsContinue = false
  method: string | undefined = undefined
  scheme: string | undefined = undefined
  authority: string | undefined = undefined
  path: string | undefined = undefined
  status: string | undefined = undefined
  private readonly limits: SectionLimits
  private text = ''
  private marks: number[] = []
  private count = 0
  private size = 0
  private cookies: string | undefined = undefined

  constructor(limits: SectionLimits) {
    this.limits = limits
  }

  reset(): void {
    this.problem = undefined
    this.tooLarge = false
    this.contentLength = -1
    this.host = undefined
    this.expectsContinue = false
    this.method = undefined
    this.scheme = undefined
    this.authority = undefined
    this.path = undefined
    this.status = undefined
    this.text = ''
    this.marks = []
    this.count = 0
    this.size = 0
    this.cookies = undefined
  }

  /** There is a pseudo-header field. */
  get hasPseudo(): boolean {
    return (
      this.method !== undefined ||
      this.scheme !== undefined ||
      this.authority !== undefined ||
      this.path !== undefined ||
      this.status !== undefined
    )
  }

  readonly add = (field: Field): void => {
    this.size += field.size
    if (this.size > this.limits.maxHeaderBytes) this.tooLarge = true
    if (this.tooLarge) return
    switch (field.form) {
      case FieldForm.REGULAR:
        this.regular(field)
        break
      case FieldForm.PSEUDO:
        this.pseudo(field)
        break
      case FieldForm.COOKIE:
        // RFC 9113 8.2.3: one field again before it leaves HTTP/2.
        this.cookies = this.cookies === undefined ? field.value : `${this.cookies}; ${field.value}`
        break
      default:
        this.refuse('a field has a name or a value that none may have')
    }
  }

  refuse(reason: string): void {
    this.problem ??= reason
  }

  /** The fields besides pseudo-header fields. */
  block(): HeaderBlock {
    if (this.cookies !== undefined) this.append(`cookie: ${this.cookies}\r\n`, 6, FieldKind.PLAIN)
    if (this.count === 0) return HeaderBlock.EMPTY
    this.marks.push(this.text.length)
    return new HeaderBlock(this.text, this.marks, this.count, '2.0')
  }

  private regular(field: Field): void {
    const { kind } = field
    if (kind !== FieldKind.PLAIN) this.note(kind, field.value)
    this.append(field.line, field.name.length, kind)
  }

  private append(line: string, nameLength: number, kind: FieldKind): void {
    if (this.count === this.limits.maxHeaderCount) {
      this.tooLarge = true
      return
    }
    const start = this.text.length
    this.marks.push(start, start + nameLength, kind)
    this.text += line
    this.count++
  }

  private note(kind: FieldKind, value: string): void {
    switch (kind) {
      case FieldKind.HOST:
        if (this.host !== undefined) this.refuse('there is more than one Host')
        this.host = value
        break
      case FieldKind.CONTENT_LENGTH:
        if (this.contentLength !== -1) this.refuse('there is more than one Content-Length')
        if (LENGTH.test(value)) this.contentLength = Number(value)
        else this.refuse('Content-Length is not a number')
        break
      case FieldKind.EXPECT:
        this.expectsContinue = value.toLowerCase() === '100-continue'
        break
      case FieldKind.TE:
        if (value.toLowerCase() !== 'trailers') this.refuse('TE says something else than trailers')
        break
      case FieldKind.LOOKALIKE:
        this.refuse('a field name differs from a framing field only by an underscore')
        break
      default:
        // RFC 9113 8.2.2.
        this.refuse('there is a field that belongs to HTTP/1.1 connections')
    }
  }

  private pseudo({ name, value }: Field): void {
    if (this.count > 0 || this.cookies !== undefined)
      this.refuse('a pseudo-header field stands behind others')
    switch (name) {
      case ':method':
        this.method = this.once(this.method, value)
        break
      case ':scheme':
        this.scheme = this.once(this.scheme, value)
        break
      case ':authority':
        this.authority = this.once(this.authority, value)
        break
      case ':path':
        this.path = this.once(this.path, value)
        break
      case ':status':
        this.status = this.once(this.status, value)
        break
      default:
        this.refuse('there is an unknown pseudo-header field')
    }
  }

  private once(had: string | undefined, value: string): string {
    if (had !== undefined) this.refuse('a pseudo-header field stands there twice')
    return value
  }
}
