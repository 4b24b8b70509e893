/** What is done with frames, once they were cut out of the bytes and found to be valid in themselves. */
import type { ErrorCode } from './protocol.ts'

export interface FrameHandler {
  /** A DATA frame begins; `length` octets, padding included, count against the windows. */
  dataBegun(streamId: number, length: number): void
  /** Bytes of the body: `bytes[from, to)`, valid during the call. */
  dataRead(bytes: Buffer, from: number, to: number): void
  /** `overhead`: octets of the frame that were no body. */
  dataEnded(overhead: number, endStream: boolean): void
  headers(streamId: number, bytes: Buffer, from: number, to: number, endStream: boolean): void
  priority(streamId: number): void
  streamReset(streamId: number, code: number): void
  /** Six octets for each setting. */
  settings(bytes: Buffer, from: number, to: number): void
  settingsAcknowledged(): void
  ping(bytes: Buffer, from: number, isAnswer: boolean): void
  goAway(lastStreamId: number, code: number): void
  windowUpdate(streamId: number, increment: number): void
  unknownFrame(): void
  /** A frame that is wrong in a way which concerns its stream only (RFC 9113 5.4.2). */
  streamBroken(streamId: number, code: ErrorCode, reason: string): void
  continuationFlood(reason: string): never
}
