/** What is wrong with a document, and where. */

export interface Violation {
  /** `routes[0].to`, `services.payments.retry.on[1]`; empty: the document itself. */
  readonly path: string
  /** What was found, what was expected, and the nearest valid name. */
  readonly message: string
}

/** Keys and indices from the document to a place in it. */
export type Path = readonly PropertyKey[]

const PLAIN_KEY = /^[A-Za-z_$][\w$-]*$/

/** `routes[0].to`; a key that is no plain word is quoted: `to["payments/v1"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else if (typeof key === 'string' && PLAIN_KEY.test(key)) text += text === '' ? key : `.${key}`
    else text += `[${JSON.stringify(String(key))}]`
  }
  return text
}

const MAX_QUOTED = 80

/** A value as it is quoted in messages: JSON, cut to one short line. */
export function quote(value: unknown): string {
  const text = value === undefined ? 'nothing' : (jsonOf(value) ?? typeof value)
  return text.length <= MAX_QUOTED ? text : `${text.slice(0, MAX_QUOTED)}…`
}

function jsonOf(value: unknown): string | undefined {
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return JSON.stringify(value)
}

/** Lines such as `routes[0].to: found …`, for terminals and error messages. */
export const formatViolations = (violations: readonly Violation[]): string =>
  violations.map(({ path, message }) => `  ${path === '' ? '(document)' : path}: ${message}`).join('\n')

/** Thrown where a document must be valid. Its message lists every violation on a line of its own. */
export class InvalidMesh extends Error {
  readonly violations: readonly Violation[]

  constructor(violations: readonly Violation[]) {
    const count = violations.length === 1 ? 'a violation' : `${violations.length} violations`
    super(`the mesh document has ${count}:\n${formatViolations(violations)}`)
    this.name = 'InvalidMesh'
    this.violations = violations
  }
}
