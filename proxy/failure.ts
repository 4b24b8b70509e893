/**
 * One table of everything that can go wrong with an exchange: code → status, gRPC status, access-log flag,
 * and whether a retry may act on it. Errors are raised where they happen as `new Failure(code, reason)`;
 * exactly one filter per direction (`rescue`) turns them into a response.
 */

/**
 * How far the request got, which decides who may try again (docs/reference/document.md, "Retry safety").
 * `unsent`: it never reached an app: any method. `unanswered`: the connection broke before the first byte of a
 * response: idempotent methods. `no`: a verdict, not a mishap.
 */
export type RetrySafety = 'unsent' | 'unanswered' | 'no'

interface FailureRow {
  readonly status: number
  /** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
  readonly grpcStatus: number
  /** Envoy's response flag where one exists. */
  readonly flag: string
  readonly safety: RetrySafety
  /** Whether outlier detection counts it against the endpoint. */
  readonly blamesEndpoint: boolean
}

const row = (
  status: number,
  grpcStatus: number,
  flag: string,
  safety: RetrySafety,
  blamesEndpoint: boolean,
): FailureRow => ({ status, grpcStatus, flag, safety, blamesEndpoint })

export const FAILURES = {
  // what the client sent
  'bad-request': row(400, 13, 'DPE', 'no', false),
  'body-too-large': row(413, 8, 'DPE', 'no', false),
  'headers-too-large': row(431, 8, 'DPE', 'no', false),
  'uri-too-long': row(414, 8, 'DPE', 'no', false),
  'expectation-failed': row(417, 9, 'DPE', 'no', false),
  'request-timeout': row(408, 4, 'DPE', 'no', false),
  'unsupported-version': row(505, 12, 'DPE', 'no', false),
  'unsupported-transfer-coding': row(501, 12, 'DPE', 'no', false),
  'downstream-gone': row(499, 1, 'DC', 'no', false),
  // where it should go
  'no-route': row(404, 12, 'NR', 'no', false),
  'no-backend': row(500, 14, 'NC', 'no', false),
  'no-healthy-endpoint': row(503, 14, 'UH', 'no', false),
  'unknown-service': row(404, 12, 'NR', 'no', false),
  'egress-refused': row(403, 7, 'UAEX', 'no', false),
  // who may go there
  'access-denied': row(403, 7, 'UAEX', 'no', false),
  'identity-missing': row(401, 16, 'UAEX', 'no', false),
  // how much is allowed
  overflow: row(503, 14, 'UO', 'no', false),
  // the way there
  'connect-failure': row(503, 14, 'UF', 'unsent', true),
  'connect-timeout': row(503, 14, 'UF', 'unsent', true),
  'peer-untrusted': row(503, 14, 'UF', 'unsent', true),
  'not-processed': row(503, 14, 'UF', 'unsent', true),
  'upstream-reset': row(503, 14, 'UC', 'unanswered', true),
  'upstream-protocol': row(502, 14, 'UPE', 'unanswered', true),
  'per-try-timeout': row(504, 4, 'UT', 'unanswered', true),
  'response-timeout': row(504, 4, 'UT', 'no', true),
  'idle-timeout': row(504, 4, 'SI', 'no', false),
  // ourselves
  cancelled: row(499, 1, 'LR', 'no', false),
  draining: row(503, 14, 'LR', 'unsent', false),
  'not-ready': row(503, 14, 'LR', 'unsent', false),
  internal: row(500, 13, 'LR', 'no', false),
} as const satisfies Record<string, FailureRow>

export type FailureCode = keyof typeof FAILURES

/** Something that ended an exchange or an attempt. `reason` is one sentence for people: no secrets, no payload. */
export class Failure extends Error {
  readonly code: FailureCode

  constructor(code: FailureCode, reason: string) {
    super(reason)
    this.name = 'Failure'
    this.code = code
  }

  get row(): FailureRow {
    return FAILURES[this.code]
  }
}
