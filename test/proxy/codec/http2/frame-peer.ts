/** A peer that speaks HTTP/2 frame by frame, as rightly or wrongly as a test wants. */
import { HpackDecoder } from '../../../../proxy/codec/http2/hpack/decoder.ts'
import { HpackEncoder } from '../../../../proxy/codec/http2/hpack/encoder.ts'
import { CLIENT_PREFACE, Flag, FrameType } from '../../../../proxy/codec/http2/protocol.ts'
import { type MemoryTransport, settle } from './memory-transport.ts'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

export type Pairs = readonly (readonly [name: string, value: string])[]

export const GET: Pairs = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'shop'],
  [':path', '/'],
]

export const POST: Pairs = [[':method', 'POST'], ...GET.slice(1)]

export function frame(type: number, flags: number, id: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, body])
}

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const setting = (id: number, value: number): Buffer =>
  Buffer.concat([Buffer.from([0, id]), uint32(value)])

export function framesOf(bytes: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = []
  let at = 0
  while (bytes.length - at >= 9 && bytes.length - at - 9 >= bytes.readUIntBE(at, 3)) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      id: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    })
    at = end
  }
  return { frames, rest: bytes.subarray(at) }
}

export class FramePeer {
  /** Everything that came, in order. */
  readonly frames: Frame[] = []
  ended = false
  closed = false
  private readonly transport: MemoryTransport
  private readonly encoder = new HpackEncoder(4096, false)
  private readonly decoder = new HpackDecoder(4096)
  private readonly decoded = new Map<Frame, Pairs>()
  private rest: Buffer = Buffer.alloc(0)
  private open: { readonly head: Frame; block: Buffer } | undefined = undefined
  private prefaceLeft: number

  /** `isClient`: it plays the client, and sends the preface. */
  constructor(transport: MemoryTransport, isClient: boolean) {
    this.transport = transport
    this.prefaceLeft = isClient ? 0 : CLIENT_PREFACE.length
    transport.onRead = chunk => this.read(chunk)
    transport.onReadEnd = () => {
      this.ended = true
    }
    transport.onClose = () => {
      this.closed = true
    }
    transport.resume()
    if (isClient) transport.write(CLIENT_PREFACE)
  }

  private read(chunk: Buffer): void {
    const skipped = Math.min(this.prefaceLeft, chunk.length)
    this.prefaceLeft -= skipped
    const { frames, rest } = framesOf(Buffer.concat([this.rest, chunk.subarray(skipped)]))
    this.rest = rest
    for (const each of frames) {
      this.frames.push(each)
      if (each.type === FrameType.HEADERS) this.open = { head: each, block: Buffer.alloc(0) }
      else if (each.type !== FrameType.CONTINUATION) continue
      if (this.open !== undefined) this.gather(each, this.open)
    }
  }

  private gather(each: Frame, open: { readonly head: Frame; block: Buffer }): void {
    open.block = Buffer.concat([open.block, each.payload])
    if ((each.flags & Flag.END_HEADERS) === 0) return
    const pairs: [string, string][] = []
    this.decoder.decode(open.block, 0, open.block.length, ({ name, value }) => pairs.push([name, value]))
    this.decoded.set(open.head, pairs)
    this.open = undefined
  }

  raw(bytes: Buffer): void {
    this.transport.write(bytes)
  }

  send(type: number, flags: number, id: number, payload: Buffer | string = ''): void {
    this.raw(frame(type, flags, id, payload))
  }

  /** SETTINGS, and the acknowledgement of the other side's. */
  async hello(...settings: Buffer[]): Promise<void> {
    this.send(FrameType.SETTINGS, 0, 0, Buffer.concat(settings))
    this.send(FrameType.SETTINGS, Flag.ACK, 0)
    await settle()
  }

  block(fields: Pairs): Buffer {
    this.encoder.begin()
    for (const [name, value] of fields) this.encoder.field(name, value)
    return Buffer.from(this.encoder.end())
  }

  headers(id: number, fields: Pairs, endStream = true): void {
    this.send(FrameType.HEADERS, Flag.END_HEADERS | (endStream ? Flag.END_STREAM : 0), id, this.block(fields))
  }

  data(id: number, text: string | Buffer, endStream = false): void {
    this.send(FrameType.DATA, endStream ? Flag.END_STREAM : 0, id, text)
  }

  of(type: number, id?: number): Frame[] {
    return this.frames.filter(each => each.type === type && (id === undefined || each.id === id))
  }

  /** The header sections that came on a stream. */
  sections(id: number): Pairs[] {
    return this.of(FrameType.HEADERS, id).map(each => this.decoded.get(each) ?? [])
  }

  status(id: number): string | undefined {
    return this.sections(id)
      .at(0)
      ?.find(([name]) => name === ':status')?.[1]
  }

  text(id: number): string {
    return Buffer.concat(this.of(FrameType.DATA, id).map(({ payload }) => payload)).toString('latin1')
  }

  /** Whether the other side has ended the stream. */
  endOf(id: number): boolean {
    return this.frames.some(
      ({ type, flags, id: of }) =>
        of === id &&
        (type === FrameType.DATA || type === FrameType.HEADERS) &&
        (flags & Flag.END_STREAM) !== 0,
    )
  }

  resetCode(id: number): number | undefined {
    return this.of(FrameType.RST_STREAM, id).at(-1)?.payload.readUInt32BE(0)
  }

  goAwayCode(): number | undefined {
    return this.of(FrameType.GOAWAY).at(-1)?.payload.readUInt32BE(4)
  }

  /** Bytes that the other side has credited on a stream, 0 for the connection. */
  credited(id: number): number {
    return this.of(FrameType.WINDOW_UPDATE, id).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  }
}
