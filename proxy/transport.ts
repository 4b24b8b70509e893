/**
 * The thin adapter over a socket: codecs, listeners and pools know no more of Node than this. Reads go
 * through one buffer per connection where Node lets us; writes go out without copies where they can.
 */
export interface Transport {
  /** Bytes arrived. The chunk is valid only during the call; `retain` it to keep it. */
  onRead: (chunk: Buffer) => void
  /** The peer will send no more. */
  onReadEnd: () => void
  /** All accepted writes have left the process. Called only after a write that returned false. */
  onDrain: () => void
  /** The connection is gone; called exactly once. */
  onClose: (error: Error | undefined) => void
  /**
   * Sends bytes. The chunk may be reused when the call returns. False: keep the rest until `onDrain`.
   */
  write(chunk: Buffer): boolean
  /** Bytes accepted but still in this process. */
  readonly pendingBytes: number
  pause(): void
  resume(): void
  /** Half-close: sends what is pending, then FIN. */
  end(): void
  destroy(): void
  readonly destroyed: boolean
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
