/**
 * Reads an OTLP trace export request (opentelemetry-proto, `ExportTraceServiceRequest` as protobuf) far enough to
 * see what a collector sees. Hand-written, so that the exporter is not checked by its own code.
 */
export interface CollectedSpan {
  readonly service: string
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly tracestate: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number>>
  readonly statusCode: number
  readonly statusMessage: string
}

type Field = { readonly number: number; readonly value: Buffer | bigint }

/** Fields of one message: varints and fixed64 as bigint, everything else as its bytes. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = Number(varint())
    const number = key >> 3
    const wire = key & 7
    if (wire === 0) fields.push({ number, value: varint() })
    else if (wire === 1) {
      fields.push({ number, value: message.readBigUInt64LE(at) })
      at += 8
    } else if (wire === 2) {
      const length = Number(varint())
      fields.push({ number, value: message.subarray(at, at + length) })
      at += length
    } else if (wire === 5) at += 4
    else throw new Error(`wire type ${wire} of field ${number}`)
  }
  return fields
}

const all = (message: Buffer, number: number): Buffer[] =>
  fieldsOf(message).flatMap(field =>
    field.number === number && Buffer.isBuffer(field.value) ? [field.value] : [],
  )
const bytes = (message: Buffer, number: number): Buffer => all(message, number)[0] ?? Buffer.alloc(0)
const integer = (message: Buffer, number: number): bigint => {
  const value = fieldsOf(message).find(field => field.number === number)?.value
  return typeof value === 'bigint' ? value : 0n
}
const nanosToMs = (nanos: bigint): number => Number(nanos / 1000n) / 1000

function attributesOf(message: Buffer, number: number): Record<string, string | number> {
  const attributes: Record<string, string | number> = {}
  for (const pair of all(message, number)) {
    const value = bytes(pair, 2)
    const text = fieldsOf(value).find(field => field.number === 1)
    attributes[bytes(pair, 1).toString()] =
      text !== undefined && Buffer.isBuffer(text.value) ? text.value.toString() : Number(integer(value, 3))
  }
  return attributes
}

function spanOf(span: Buffer, service: string): CollectedSpan {
  const status = bytes(span, 15)
  return {
    service,
    traceId: bytes(span, 1).toString('hex'),
    spanId: bytes(span, 2).toString('hex'),
    tracestate: bytes(span, 3).toString(),
    parentId: bytes(span, 4).toString('hex'),
    name: bytes(span, 5).toString(),
    kind: Number(integer(span, 6)),
    startMs: nanosToMs(integer(span, 7)),
    endMs: nanosToMs(integer(span, 8)),
    attributes: attributesOf(span, 9),
    statusMessage: bytes(status, 2).toString(),
    statusCode: Number(integer(status, 3)),
  }
}

export function decodeTraces(body: Buffer): CollectedSpan[] {
  return all(body, 1).flatMap(resourceSpans => {
    const service = String(attributesOf(bytes(resourceSpans, 1), 1)['service.name'])
    return all(resourceSpans, 2).flatMap(scopeSpans => all(scopeSpans, 2).map(span => spanOf(span, service)))
  })
}
