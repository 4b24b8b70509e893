/** How long things may take. 0 switches a timeout off. */
export interface Timeout {
  /** To the response head, over all tries. */
  readonly requestMs: number
  /** Without a byte in either direction: streams, upgrades, server-sent events. */
  readonly idleMs: number
  /** The same for connections that carry plain bytes. Documents have one key for both, the defaults differ. */
  readonly tcpIdleMs: number
  readonly connectMs: number
}
