/** Tells the rotation how each attempt ended, so that endpoints that fail in a row are left out for a while. */
import type { Attempt } from '../attempt.ts'
import type { Filter } from '../exchange.ts'
import type { Failure } from '../failure.ts'
import { verdictOf } from '../upstream/outlier-detection.ts'

export const outlierDetection = (): Filter<Attempt> => next => attempt => {
  if (attempt.backend.rotation.detects) attempt.whenEnded(tell)
  return next(attempt)
}

function tell(attempt: Attempt, failure: Failure | undefined): void {
  const { endpoint, status, peerFlag, backend } = attempt
  if (endpoint !== undefined) backend.rotation.observe(endpoint, verdictOf(status, peerFlag, failure))
}
