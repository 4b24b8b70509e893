/** Choosing an endpoint: power of two choices on least requests. Pure but for the dice. */
import type { Random } from '../../mesh/clock.ts'
import type { Endpoint } from './endpoint.ts'

/** Endpoints to choose from, prepared so that a choice costs two draws whatever their number. */
export interface Candidates {
  readonly endpoints: readonly Endpoint[]
  /** Running sums of the weights; undefined while all weights are equal. */
  readonly weightSums: readonly number[] | undefined
}

/**
 * Which endpoints take requests. Those that drain or weigh nothing never do; those that are not well do not
 * either, unless so many are unwell that the rest would drown (`panicThresholdPercent`).
 */
export function candidatesOf(
  endpoints: Iterable<Endpoint>,
  isWell: (endpoint: Endpoint) => boolean,
  panicThresholdPercent: number,
): Candidates {
  const open = [...endpoints].filter(endpoint => !endpoint.draining && endpoint.weight > 0)
  const well = open.filter(isWell)
  return weighted(well.length * 100 < panicThresholdPercent * open.length ? open : well)
}

function weighted(endpoints: readonly Endpoint[]): Candidates {
  const first = endpoints[0]?.weight
  if (endpoints.every(({ weight }) => weight === first)) return { endpoints, weightSums: undefined }
  let sum = 0
  return { endpoints, weightSums: endpoints.map(({ weight }) => (sum += weight)) }
}

/**
 * Draws two endpoints by weight and takes the one with fewer requests for its weight. Endpoints in `tried` are
 * avoided while there are others. Undefined when there is nothing to choose from.
 */
export function pickEndpoint(
  candidates: Candidates,
  tried: readonly (Endpoint | undefined)[] | undefined,
  random: Random,
): Endpoint | undefined {
  if (tried !== undefined && tried.length > 0) {
    const fresh = candidates.endpoints.filter(endpoint => !tried.includes(endpoint))
    if (fresh.length > 0) return pickEndpoint(weighted(fresh), undefined, random)
  }
  const { endpoints } = candidates
  if (endpoints.length < 2) return endpoints[0]
  const first = draw(candidates, random)
  const a = endpoints[first]!
  const b = endpoints[drawOther(candidates, first, random)]!
  return b.active * a.weight < a.active * b.weight ? b : a
}

function draw({ endpoints, weightSums }: Candidates, random: Random): number {
  if (weightSums === undefined) return Math.floor(random.next() * endpoints.length)
  const at = random.next() * weightSums[weightSums.length - 1]!
  let low = 0
  let high = weightSums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (at < weightSums[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

/** Any but the first: a choice between an endpoint and itself is none. */
function drawOther(candidates: Candidates, first: number, random: Random): number {
  const { endpoints, weightSums } = candidates
  if (weightSums === undefined) {
    const other = Math.floor(random.next() * (endpoints.length - 1))
    return other < first ? other : other + 1
  }
  const other = draw(candidates, random)
  return other === first ? (first + 1) % endpoints.length : other
}
