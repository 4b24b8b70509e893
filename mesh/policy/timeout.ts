/** How long things may take. 0 switches a timeout off. */
export interface Timeout {
  /** To the response head, over all tries. */
  readonly requestMs: number
  /** Without a byte in either direction: streams, upgrades, server-sent events, TCP. */
  readonly idleMs: number
  readonly connectMs: number
}
