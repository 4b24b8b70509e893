/**
 * The thin adapter over a connection: codecs, listeners and pools know no more of Node than this. Reads go
 * through one buffer per connection where Node lets us; writes go out without copies where they can.
 *
 * A transport begins paused: who takes it over sets the four callbacks and calls `resume`. No callback is called
 * from within a method.
 */
export interface Transport {
  /**
   * Bytes arrived. The chunk is valid only during the call; `retain` it to keep it. After `pause` as much may still
   * come as two reads bring (128 KiB): whoever pauses keeps it. So a pause that is over soon costs no system call,
   * and TLS can hand over what it has decrypted.
   */
  onRead: (chunk: Buffer) => void
  /** The peer will send no more. The other direction stays open until `end`. */
  onReadEnd: () => void
  /** All accepted writes have left the process: `pendingBytes` fell to 0. */
  onDrain: () => void
  /** The connection is gone; called exactly once, also after `destroy`. The error says why, if it broke. */
  onClose: (error: Error | undefined) => void
  /**
   * Sends bytes; all of them are accepted, and the chunk may be reused when the call returns. False: wait for
   * `onDrain` before the next write. Ignored (false) once destroyed.
   */
  write(chunk: Buffer): boolean
  /** Bytes accepted but still in this process. */
  readonly pendingBytes: number
  /** Bytes that were given to the kernel so far; accepted ones may still wait for the end of the turn. */
  readonly sentBytes: number
  /** Gives what waits for the end of the turn to the kernel. */
  flush(): void
  pause(): void
  resume(): void
  /** A long body is coming (or it is over): large buffers pay now. Costs nothing where it makes no difference. */
  bulk(on: boolean): void
  /** Half-close: sends what is pending, then FIN. Idempotent. */
  end(): void
  /** Closes at once. Idempotent. */
  destroy(): void
  /** Closes at once so that the peer sees a break (RST) rather than an end: for a message cut short. */
  reset(): void
  readonly destroyed: boolean
  /** `ip:port` of the peer. */
  readonly remoteAddress: string
  readonly localPort: number
  readonly tls: TlsInfo | undefined
}

export interface TlsInfo {
  /** `TLSv1.3`. */
  readonly protocol: string
  readonly alpn: string | undefined
  readonly serverName: string | undefined
  /** DER of the peer's leaf certificate. */
  readonly peerCertificate: Buffer | undefined
  /** SPIFFE ID in the peer's URI SAN, after the chain was verified. */
  readonly peerId: string | undefined
}
