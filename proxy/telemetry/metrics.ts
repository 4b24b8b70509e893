/**
 * Counters, gauges and histograms as plain numbers in slots that are resolved once: the request path adds to a
 * field and knows nothing of names and labels. `expose` writes them in Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */

export type Labels = Readonly<Record<string, string>>

/** Goes up only. */
export class Counter {
  value = 0

  inc(by = 1): void {
    this.value += by
  }
}

/** Goes up and down. */
export class Gauge {
  value = 0

  set(value: number): void {
    this.value = value
  }

  inc(by = 1): void {
    this.value += by
  }

  dec(by = 1): void {
    this.value -= by
  }
}

/** Counts observations in buckets by upper bound. */
export class Histogram {
  readonly bounds: readonly number[]
  /** One more than `bounds`: the last one is above them all. Not cumulative. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (value <= (bounds[middle] as number)) high = middle
      else low = middle + 1
    }
    ;(this.counts[low] as number)++
    this.sum += value
  }

  get count(): number {
    return this.counts.reduce((sum, n) => sum + n, 0)
  }
}

/** Envoy's default buckets, in milliseconds. */
export const DURATION_MS_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

type Metric = Counter | Gauge | Histogram | { readonly read: () => number }
type Kind = 'counter' | 'gauge' | 'histogram'

interface Family {
  readonly kind: Kind
  readonly help: string
  /** By the labels as written in the exposition. */
  readonly series: Map<string, Metric>
}

/** All metrics of one proxy. Asking again for the same name and labels gives the same slot. */
export class MetricsRegistry {
  private readonly families = new Map<string, Family>()

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.series(name, 'counter', help, labels, () => new Counter()) as Counter
  }

  gauge(name: string, help: string, labels: Labels = {}): Gauge {
    return this.series(name, 'gauge', help, labels, () => new Gauge()) as Gauge
  }

  /** A gauge whose value is asked for when somebody looks. */
  observedGauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    this.family(name, 'gauge', help).series.set(written(labels), { read })
  }

  histogram(name: string, help: string, labels: Labels = {}, bounds = DURATION_MS_BOUNDS): Histogram {
    return this.series(name, 'histogram', help, labels, () => new Histogram(bounds)) as Histogram
  }

  /** Forgets one series: what it counted is gone for good (an endpoint that left). */
  remove(name: string, labels: Labels = {}): void {
    this.families.get(name)?.series.delete(written(labels))
  }

  /** Every family with its series, sorted by name; a family without series is left out. */
  expose(): string {
    const lines: string[] = []
    for (const [name, family] of [...this.families].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (family.series.size === 0) continue
      lines.push(`# HELP ${name} ${family.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`)
      lines.push(`# TYPE ${name} ${family.kind}`)
      for (const [labels, metric] of family.series) exposeSeries(lines, name, labels, metric)
    }
    return `${lines.join('\n')}\n`
  }

  /** One line for each number, `name{labels}: value`; histograms as count and sum. For people. */
  stats(): string {
    const lines: string[] = []
    for (const [name, { series }] of this.families) {
      for (const [labels, metric] of series) {
        const at = `${name}${braced(labels)}`
        if (metric instanceof Histogram) lines.push(`${at}: count ${metric.count}, sum ${metric.sum}`)
        else lines.push(`${at}: ${'read' in metric ? metric.read() : metric.value}`)
      }
    }
    return `${lines.sort().join('\n')}\n`
  }

  private family(name: string, kind: Kind, help: string): Family {
    let family = this.families.get(name)
    if (family === undefined) {
      family = { kind, help, series: new Map() }
      this.families.set(name, family)
    }
    if (family.kind !== kind) throw new Error(`metric ${name} is a ${family.kind}, not a ${kind}`)
    return family
  }

  private series(name: string, kind: Kind, help: string, labels: Labels, create: () => Metric): Metric {
    const { series } = this.family(name, kind, help)
    const key = written(labels)
    let metric = series.get(key)
    if (metric === undefined) {
      metric = create()
      series.set(key, metric)
    }
    return metric
  }
}

function exposeSeries(lines: string[], name: string, labels: string, metric: Metric): void {
  if (metric instanceof Histogram) {
    let cumulative = 0
    metric.counts.forEach((count, i) => {
      cumulative += count
      const bound = i < metric.bounds.length ? String(metric.bounds[i]) : '+Inf'
      lines.push(`${name}_bucket{${labels === '' ? '' : `${labels},`}le="${bound}"} ${cumulative}`)
    })
    lines.push(`${name}_sum${braced(labels)} ${metric.sum}`, `${name}_count${braced(labels)} ${cumulative}`)
    return
  }
  lines.push(`${name}${braced(labels)} ${'read' in metric ? metric.read() : metric.value}`)
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)

/** Sorted by name, so that the order in which callers write labels makes no second series. */
const written = (labels: Labels): string =>
  Object.keys(labels)
    .sort()
    .map(name => `${name}="${escaped(labels[name] as string)}"`)
    .join(',')

const escaped = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
