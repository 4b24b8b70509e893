/** What the sidecars themselves counted: the proof that every policy was at work while they were measured. */

/** One sample line of the Prometheus text format. */
export interface MetricSample {
  readonly name: string
  readonly labels: string
  readonly value: number
}

/** Reads the Prometheus text exposition format; comments and timestamps are skipped. */
export function parseMetrics(text: string): MetricSample[] {
  const samples: MetricSample[] = []
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? []
    if (name !== undefined) samples.push({ name, labels, value: Number(value) })
  }
  return samples
}

/** What each counter proves. */
const COUNTERS: readonly (readonly [metric: string, proves: string])[] = [
  ['selvage_requests_total', 'requests'],
  ['selvage_routes_matched_total', 'routes matched'],
  ['selvage_retry_budget_earned_total', 'first tries that earned retry budget'],
  ['selvage_retries_total', 'retries'],
  ['selvage_outlier_observations_total', 'answers seen by outlier detection'],
  ['selvage_access_checks_total', 'access checks'],
  ['selvage_spans_sampled_total', 'requests sampled for tracing'],
]
const TIMEOUT_MS = 5000

/** Asks the sidecars behind these admin ports and adds their counters up, in one sentence. */
export async function proofOf(adminPorts: readonly number[]): Promise<string[]> {
  const samples: MetricSample[] = []
  for (const port of adminPorts) {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal })
    samples.push(...parseMetrics(await response.text()))
  }
  return [sentence(samples)]
}

/** A counter that is not there has counted nothing: in one hop there are no access rules to check. */
export function sentence(samples: readonly MetricSample[]): string {
  const parts = COUNTERS.map(([metric, proves]) => {
    const own = samples.filter(({ name }) => name === metric)
    const total = own.reduce((sum, { value }) => sum + value, 0)
    return `${total.toLocaleString('en')} ${proves}`
  })
  return `counted ${parts.join(', ')}`
}
