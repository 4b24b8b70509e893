/** Every refusal of the control API: one table of codes, one error that carries a code, one body (RFC 9457). */
import type { Problem } from '../mesh/protocol.ts'
import type { Violation } from '../mesh/violation.ts'

/** Code → status and title. The code is the last part of the problem's `type`. */
export const REFUSALS = {
  'bad-request': [400, 'The request is malformed'],
  unauthenticated: [401, 'Nobody knows who is calling'],
  forbidden: [403, 'The caller may not do this'],
  'not-found': [404, 'There is nothing here'],
  'unknown-mesh': [404, 'This control plane serves another mesh'],
  'unknown-workload': [404, 'The mesh has no such workload'],
  'unknown-fragment': [404, 'The mesh has no such fragment'],
  'unknown-name': [404, 'The mesh has no such name'],
  'unknown-revision': [404, 'The revision is not kept'],
  deregistered: [410, 'The endpoint was deregistered'],
  'length-required': [411, 'The length of the body is not known'],
  'precondition-failed': [412, 'It is not at the revision that the request expects'],
  'too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'The body is not JSON'],
  invalid: [422, 'The mesh would be invalid'],
  'csr-refused': [422, 'The certificate request cannot be signed'],
  'addresses-exhausted': [422, 'There are no loopback addresses left'],
  'precondition-required': [428, 'Changing what is there needs If-Match'],
  'too-many-endpoints': [429, 'The workload has too many endpoints'],
  internal: [500, 'The control plane failed'],
  busy: [503, 'The control plane is busy'],
} as const satisfies Record<string, readonly [number, string]>

export type RefusalCode = keyof typeof REFUSALS

export interface RefusalDetails {
  readonly violations?: readonly Violation[]
  /** The revision that is there now. */
  readonly revision?: number
}

export class Refusal extends Error {
  readonly code: RefusalCode
  readonly details: RefusalDetails

  /** @param detail what was found, what was expected, and how to mend it; it is shown to the caller */
  constructor(code: RefusalCode, detail: string, details: RefusalDetails = {}) {
    super(detail)
    this.code = code
    this.details = details
  }

  get status() {
    return REFUSALS[this.code][0]
  }

  toProblem(): Problem {
    const [status, title] = REFUSALS[this.code]
    const { violations, revision } = this.details
    return {
      type: `urn:selvage:problem:${this.code}`,
      title,
      status,
      detail: this.message,
      ...(violations !== undefined && { violations: [...violations] }),
      ...(revision !== undefined && { revision }),
    }
  }
}
