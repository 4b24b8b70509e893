/** Numbers of HTTP/2 (RFC 9113 6, 7 and 11). */

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
  ENABLE_CONNECT_PROTOCOL: 8,
  NO_RFC7540_PRIORITIES: 9,
} as const

const ERROR_NAMES: readonly string[] = Object.keys(ErrorCode)

/** The name of an error code that came from a peer. */
export const errorName = (code: number): string => ERROR_NAMES[code] ?? `error 0x${code.toString(16)}`

/** Every client begins with it (RFC 9113 3.4). */
export const CLIENT_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const FRAME_HEADER_BYTES = 9

/** What a frame may hold unless SETTINGS say more: we never say more, and never send more (RFC 9113 4.2). */
export const MAX_FRAME_BYTES = 16_384

/** Of every connection and stream before anybody says otherwise (RFC 9113 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535

export const MAX_WINDOW_BYTES = 0x7fff_ffff

export const MAX_STREAM_ID = 0x7fff_ffff

/** The peer broke the protocol, and the connection with it (RFC 9113 5.4.1). Thrown while frames are read. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, reason: string) {
    super(reason)
    this.code = code
  }
}

export const protocolError = (reason: string): ConnectionError =>
  new ConnectionError(ErrorCode.PROTOCOL_ERROR, reason)

export const sizeError = (reason: string): ConnectionError =>
  new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, reason)

/** A stream number or a window: the first bit is reserved and ignored. */
export const uint31 = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) & 0x7fff_ffff
