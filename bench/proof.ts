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
