/** From samples to rows: medians over rounds, ratios within rounds. */
import { median, medianRatio, rounded, spread } from './statistics.ts'

/** Whom a figure is compared with. */
export const PEERS = ['haproxy', 'nginx', 'envoy'] as const
export type Peer = (typeof PEERS)[number]

/** Everything that can be measured of a subject, with the digits that are worth printing. */
export const FIGURE_DIGITS = {
  cpuMicrosPerRequest: 2,
  requestsPerSecond: 0,
  p50Ms: 3,
  p99Ms: 3,
  /** From the start of the process to the first good answer. */
  readyMs: 0,
  /** Resident memory of its processes together: before any request, under load, with 10 MB bodies. */
  idleMiB: 1,
  busyMiB: 1,
  largeBodiesMiB: 1,
  /** CPU that open but silent connections cost. */
  cpuMillisPerSecond: 1,
} as const
export type Figure = keyof typeof FIGURE_DIGITS

/** One subject in one round. */
export type Sample = Readonly<Partial<Record<Figure, number>>>

/** One subject over all rounds of a work. */
export interface Series {
  readonly subject: string
  readonly samples: readonly Sample[]
  /** Why nothing of this may be believed: the subject did not start, answered wrongly, or failed requests. */
  readonly voidBecause?: string | undefined
  /** Counters that prove what the subject did. */
  readonly proof?: readonly string[] | undefined
  /** Cores that other programs used during the rounds. */
  readonly coresUsedByOthers?: number | undefined
}

type AlwaysThere = 'cpuMicrosPerRequest' | 'requestsPerSecond' | 'p50Ms' | 'p99Ms'

/** What the bench publishes: one row per work and subject. Figures of a void row are null. */
export interface Row
  extends Readonly<Record<AlwaysThere, number | null>>,
    Readonly<Partial<Record<Exclude<Figure, AlwaysThere>, number>>> {
  readonly work: string
  readonly subject: string
  /** The work's main figure over that peer's; null where the peer was not measured. */
  readonly ratioTo: Readonly<Record<Peer, number | null>>
  /** Lowest and highest main figure of the rounds. */
  readonly spread: readonly [lowest: number, highest: number] | null
  readonly rounds: number
  readonly voidBecause?: string
  readonly proof?: readonly string[]
  /** Cores that other programs used meanwhile: the more, the less these figures are worth. */
  readonly coresUsedByOthers?: number
}

/** What `toRows` must know of the work. */
export interface Comparison {
  readonly work: string
  /** The figure that is compared. */
  readonly main: Figure
  /** The subject that stands for each peer. */
  readonly references: Readonly<Record<Peer, string>>
}

/** Rows of one work, in the order of the series. */
export function toRows({ work, main, references }: Comparison, series: readonly Series[]): Row[] {
  const mainOf = (one: Series) => one.samples.map(sample => sample[main])
  const ratio = (one: Series, peer: Peer): number | null => {
    const reference = series.find(other => other.subject === references[peer])
    if (reference === undefined || reference.voidBecause !== undefined) return null
    if (one.voidBecause !== undefined) return null
    const found = medianRatio(mainOf(one), mainOf(reference))
    return found === undefined ? null : rounded(found, 3)
  }
  return series.map(one => ({
    work,
    subject: one.subject,
    ...medians(one),
    ratioTo: { haproxy: ratio(one, 'haproxy'), nginx: ratio(one, 'nginx'), envoy: ratio(one, 'envoy') },
    spread: spreadOf(one, main),
    rounds: one.voidBecause === undefined ? one.samples.length : 0,
    ...(one.voidBecause === undefined ? {} : { voidBecause: one.voidBecause }),
    ...(one.proof === undefined ? {} : { proof: one.proof }),
    ...(one.coresUsedByOthers === undefined ? {} : { coresUsedByOthers: rounded(one.coresUsedByOthers, 2) }),
  }))
}

function valuesOf(series: Series, figure: Figure): number[] {
  if (series.voidBecause !== undefined) return []
  return series.samples.map(sample => sample[figure]).filter(value => value !== undefined)
}

function spreadOf(series: Series, main: Figure): readonly [number, number] | null {
  const values = valuesOf(series, main)
  if (values.length === 0) return null
  const { lowest, highest } = spread(values)
  return [rounded(lowest, FIGURE_DIGITS[main]), rounded(highest, FIGURE_DIGITS[main])]
}

function medians(series: Series): Pick<Row, Figure> {
  const found: Partial<Record<Figure, number>> = {}
  for (const figure of Object.keys(FIGURE_DIGITS) as Figure[]) {
    const values = valuesOf(series, figure)
    if (values.length > 0) found[figure] = rounded(median(values), FIGURE_DIGITS[figure])
  }
  return { cpuMicrosPerRequest: null, requestsPerSecond: null, p50Ms: null, p99Ms: null, ...found }
}
