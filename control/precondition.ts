/** `If-Match` and `If-None-Match` (RFC 9110 section 13.1) on what is stored at a revision. */
import { etagOf, etagValue } from '../mesh/protocol.ts'
import { Refusal } from './refusal.ts'

export interface Precondition {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
}

/**
 * What is new may be created without a condition. Changing what is there needs `If-Match` with its revision (or `*`
 * for whatever is there), so that nobody overwrites a change that they have not seen.
 *
 * @param current revision of what is there; undefined: it is not
 * @throws Refusal 412 with the revision now, or 428
 */
export function checkPrecondition(
  what: string,
  { ifMatch, ifNoneMatch }: Precondition,
  current: number | undefined,
): void {
  if (ifNoneMatch !== undefined && current !== undefined && lists(ifNoneMatch, current)) {
    throw failed(`${what} is there already, at revision ${current}`, current)
  }
  if (ifMatch === undefined) {
    if (current === undefined) return
    throw new Refusal(
      'precondition-required',
      `${what} is at revision ${current}; to change it, say so with If-Match: ${etagOf(current)}`,
      { revision: current },
    )
  }
  if (current === undefined) throw failed(`${what} is not there, and If-Match expects ${ifMatch}`, undefined)
  if (!lists(ifMatch, current)) {
    throw failed(`${what} is at revision ${current}, and If-Match expects ${ifMatch}`, current)
  }
}

/** Whether a stored copy is still good: the answer is 304 then. */
export const notModified = (ifNoneMatch: string | undefined, hash: string): boolean =>
  ifNoneMatch !== undefined && lists(ifNoneMatch, hash)

const lists = (field: string, current: number | string): boolean =>
  field.trim() === '*' || field.split(',').some(etag => etagValue(etag) === String(current))

const failed = (detail: string, revision: number | undefined): Refusal =>
  new Refusal('precondition-failed', detail, revision === undefined ? {} : { revision })
