import { describe, expect, it } from 'vitest'
import type { FrameHandler } from '../../proxy/codec/http2/frame-handler.ts'
import { FrameReader } from '../../proxy/codec/http2/frame-reader.ts'
import { ConnectionError, ErrorCode, FrameType } from '../../proxy/codec/http2/protocol.ts'
import { describeCases } from '../support/cases.ts'

interface Payload {
  readonly data?: string
  readonly padding?: string | null
  readonly padding_length?: number | null
  readonly header_block_fragment?: string
  readonly error_code?: number
  readonly last_stream_id?: number
  readonly opaque_data?: string
  readonly settings?: readonly (readonly [number, number])[]
  readonly window_size_increment?: number
}

interface Case {
  readonly wire: string
  readonly frame: {
    readonly length: number
    readonly type: number
    readonly flags: number
    readonly stream_identifier: number
    readonly frame_payload: Payload
  } | null
  readonly error: readonly number[] | null
}

/** What the reader made of a frame, in the words of the cases. */
function read(wire: Buffer): Record<string, unknown> {
  const seen: Record<string, unknown> = {}
  const note = (values: Record<string, unknown>): void => void Object.assign(seen, values)
  const handler: FrameHandler = {
    dataBegun: (stream, length) => note({ stream, length, data: '' }),
    dataRead: (bytes, from, to) => note({ data: `${seen.data}${bytes.latin1Slice(from, to)}` }),
    dataEnded: overhead => note({ overhead }),
    headers: (stream, bytes, from, to) => note({ stream, block: bytes.latin1Slice(from, to) }),
    priority: stream => note({ stream }),
    streamReset: (stream, code) => note({ stream, code }),
    settings: (bytes, from, to) => {
      const settings: [number, number][] = []
      for (let at = from; at < to; at += 6)
        settings.push([bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)])
      note({ settings })
    },
    settingsAcknowledged: () => note({ acknowledged: true }),
    ping: (bytes, from) => note({ opaque: bytes.latin1Slice(from, from + 8) }),
    goAway: (last, code) => note({ last, code }),
    windowUpdate: (stream, increment) => note({ stream, increment }),
    unknownFrame: () => note({ unknown: true }),
    streamBroken: (_stream, code, reason) => {
      throw new ConnectionError(code, reason)
    },
    continuationFlood: reason => {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, reason)
    },
  }
  const reader = new FrameReader(handler, false, 65_536, { maxContinuations: 16 })
  reader.read(Buffer.from('000000040000000000', 'hex'))
  reader.read(wire)
  return seen
}

/** What must have been seen of a valid frame, by its type. */
const EXPECTED: Record<number, (payload: Payload, stream: number) => Record<string, unknown>> = {
  [FrameType.DATA]: ({ data, padding_length }, stream) => ({
    stream,
    data,
    overhead: padding_length === null || padding_length === undefined ? 0 : padding_length + 1,
  }),
  [FrameType.HEADERS]: ({ header_block_fragment }, stream) => ({ stream, block: header_block_fragment }),
  [FrameType.PRIORITY]: (_, stream) => ({ stream }),
  [FrameType.RST_STREAM]: ({ error_code }, stream) => ({ stream, code: error_code }),
  [FrameType.SETTINGS]: ({ settings }) => ({ settings }),
  [FrameType.PING]: ({ opaque_data }) => ({ opaque: opaque_data }),
  [FrameType.GOAWAY]: ({ last_stream_id, error_code }) => ({ last: last_stream_id, code: error_code }),
  [FrameType.WINDOW_UPDATE]: ({ window_size_increment }, stream) => ({
    stream,
    increment: window_size_increment,
  }),
}

describeCases('http2-frames', 'HTTP/2 frames', open => {
  const { list = [] } = open('index.json') as { list?: readonly { file: string }[] }

  it('are all there', () => expect(list).toHaveLength(17))

  describe('one by one', () => {
    it.each(list)('$file', ({ file }) => {
      const { wire, frame, error } = open(file) as Case
      const bytes = Buffer.from(wire, 'hex')
      if (frame === null || frame.type === FrameType.PUSH_PROMISE || frame.type === FrameType.CONTINUATION) {
        // We allow no PUSH_PROMISE, and a CONTINUATION alone continues nothing: valid frames, out of place here.
        const allowed = error ?? [ErrorCode.PROTOCOL_ERROR]
        expect(codeOf(() => read(bytes))).toSatisfy((code: number) => allowed.includes(code))
        return
      }
      const seen = read(bytes)
      expect(seen).toMatchObject(EXPECTED[frame.type]!(frame.frame_payload, frame.stream_identifier))
    })
  })
})

function codeOf(run: () => unknown): number {
  try {
    run()
  } catch (error) {
    if (error instanceof ConnectionError) return error.code
    throw error
  }
  throw new Error('it was accepted')
}
