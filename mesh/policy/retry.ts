/** When and how often a request is tried again. */

/**
 * Conditions on an answer or its absence. `reset`: the connection broke before the first byte of a response.
 * `5xx` and `gateway-error` (502, 503, 504) include `reset` and per-try timeouts, as in Envoy. `connect-failure`
 * is accepted for familiarity: what never reached an app is always retried while `attempts` allows.
 */
export type RetryCondition = '5xx' | 'gateway-error' | 'reset' | 'connect-failure' | 'retriable-4xx' | number

export interface Retry {
  /** Retries after the first try; 0 switches retrying off. */
  readonly attempts: number
  readonly on: readonly RetryCondition[]
  /** 0: none. */
  readonly perTryTimeoutMs: number
  readonly backoffBaseMs: number
  readonly backoffMaxMs: number
  /** Methods that are not idempotent may be retried on an answer or a reset, too. */
  readonly nonIdempotent: boolean
  /** A request body up to this size is kept for a retry; a larger one is sent once. */
  readonly maxBodyBytes: number
}
