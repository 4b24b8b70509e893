/** Bounds of HTTP/2 connections, besides those of every codec. */

export interface Http2Limits {
  /** Streams that a peer may have open at once on one connection. */
  readonly maxConcurrentStreams: number
  /** What a peer may send on a stream before anybody takes it; grows up to the maximum while readers keep up. */
  readonly streamWindowBytes: number
  readonly maxStreamWindowBytes: number
  /** The same for all streams of a connection; the maximum is what one connection can make us hold. */
  readonly connectionWindowBytes: number
  readonly maxConnectionWindowBytes: number
  /** Bytes of ours, bodies aside, that may wait for a peer which does not read. */
  readonly maxPendingBytes: number
  /** CONTINUATION frames behind one HEADERS. */
  readonly maxContinuations: number
  /** Frames of each kind that bring no work forward and are taken before real work must come in between. */
  readonly maxIdleFrames: number
  /** Streams that a peer may reset before others have run to their end. */
  readonly maxResets: number
  /** SETTINGS frames in ten seconds. */
  readonly maxSettings: number
  readonly settingsTimeoutMs: number
  /** A connection with requests on which nothing came for so long is asked whether it is alive; 0: never. */
  readonly pingAfterMs: number
  /** How long it has to answer. */
  readonly pingTimeoutMs: number
}

const KIB = 1024
const MIB = 1024 * KIB

export const DEFAULT_HTTP2_LIMITS: Http2Limits = {
  maxConcurrentStreams: 256,
  streamWindowBytes: 64 * KIB,
  maxStreamWindowBytes: MIB,
  connectionWindowBytes: MIB,
  maxConnectionWindowBytes: 4 * MIB,
  maxPendingBytes: MIB,
  maxContinuations: 16,
  maxIdleFrames: 2000,
  maxResets: 1000,
  maxSettings: 100,
  settingsTimeoutMs: 10_000,
  pingAfterMs: 30_000,
  pingTimeoutMs: 15_000,
}

/** What a connection was ended for, as metrics name it. */
export type Http2Defence =
  | 'rapid-reset'
  | 'settings-flood'
  | 'ping-flood'
  | 'priority-flood'
  | 'window-update-flood'
  | 'empty-data-flood'
  | 'unknown-frame-flood'
  | 'continuation-flood'
  | 'header-list'
  | 'slow-headers'
  | 'slow-body'
  | 'slow-reader'
  | 'write-stall'
  | 'stream-limit'
