/**
 * Writes heads. The text of a message that is forwarded is copied as one piece, and what must stay behind is closed
 * up afterwards: a copy of 380 bytes takes 28 ns and closing a gap 31, where copying a run between two gaps takes 74.
 */

import { LEASE_BYTES } from '../../buffer-lease.ts'
import { FIRST_HOP_BY_HOP, FieldKind } from '../../field-kind.ts'
import { FIELD_STRIDE, type HeaderBlock, type HeaderEdits } from '../../header-block.ts'
import { type OutTarget, out } from '../../out-buffer.ts'

export interface HeadText {
  /** With its line end; may have header lines behind it. */
  readonly startLine: string
  readonly headers: HeaderBlock
  readonly edits: HeaderEdits | undefined
  /** Lines behind the forwarded fields, each with its end. */
  readonly added: string
  /** Leaves out Host, or Content-Length, besides what belongs to one connection. */
  readonly withoutHost: boolean
  readonly withoutLength: boolean
}

/** Puts a head into `out`, for the target's next flush. */
export function writeHead(target: OutTarget, head: HeadText): void {
  const tail = head.edits === undefined ? `${head.added}\r\n` : `${head.edits.text}${head.added}\r\n`
  const mostBytes = head.startLine.length + head.headers.text.length + tail.length
  if (mostBytes > LEASE_BYTES) {
    writeLarge(target, head, tail, mostBytes)
    return
  }
  const at = out.reserve(target, mostBytes)
  out.filled(compose(out.lease.bytes, at, head, tail))
}

function writeLarge(target: OutTarget, head: HeadText, tail: string, mostBytes: number): void {
  out.flush()
  const bytes = Buffer.allocUnsafeSlow(mostBytes)
  target.writeOut(bytes.subarray(0, compose(bytes, 0, head, tail)))
}

/** Answers the position after the head. */
function compose(bytes: Buffer, at: number, head: HeadText, tail: string): number {
  const { startLine, headers } = head
  const fieldsAt = at + startLine.length
  const textAt = fieldsAt - headers.marks[0]!
  // Its own start line lies before the fields; the new one is written over it.
  if (textAt >= at) bytes.latin1Write(headers.text, textAt)
  else bytes.latin1Write(headers.text.slice(headers.marks[0]!), fieldsAt)
  bytes.latin1Write(startLine, at)
  const end = closeGaps(bytes, textAt, fieldsAt, head)
  return end + bytes.latin1Write(tail, end)
}

/** Moves the fields that stay together; answers the position after the last. */
function closeGaps(bytes: Buffer, textAt: number, fieldsAt: number, head: HeadText): number {
  const { marks, count } = head.headers
  let to = fieldsAt
  let runStart = marks[0]!
  for (let field = 0; field <= count; field++) {
    const start = marks[field * FIELD_STRIDE]!
    if (field < count && !leavesOut(head, field)) continue
    if (to !== textAt + runStart) bytes.copyWithin(to, textAt + runStart, textAt + start)
    to += start - runStart
    if (field < count) runStart = marks[(field + 1) * FIELD_STRIDE]!
  }
  return to
}

function leavesOut(head: HeadText, field: number): boolean {
  const kind = head.headers.kindAt(field)
  if (kind >= FIRST_HOP_BY_HOP) return true
  if (kind === FieldKind.HOST && head.withoutHost) return true
  if (kind === FieldKind.CONTENT_LENGTH && head.withoutLength) return true
  return head.edits?.drops(head.headers, field) ?? false
}

/** Number of the first field of a kind, -1 when there is none. */
export function fieldOfKind(headers: HeaderBlock, kind: FieldKind): number {
  for (let field = 0; field < headers.count; field++) if (headers.kindAt(field) === kind) return field
  return -1
}
