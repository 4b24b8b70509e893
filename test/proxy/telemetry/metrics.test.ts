import { describe, expect, test } from 'vitest'
import { MetricsRegistry } from '../../../proxy/telemetry/metrics.ts'

describe('MetricsRegistry', () => {
  test('gives the same slot for the same name and labels, whatever their order', () => {
    const registry = new MetricsRegistry()
    registry.counter('a_total', 'A.', { x: '1', y: '2' }).inc()
    registry.counter('a_total', 'A.', { y: '2', x: '1' }).inc(2)
    expect(registry.expose()).toBe('# HELP a_total A.\n# TYPE a_total counter\na_total{x="1",y="2"} 3\n')
  })

  test('refuses one name for two kinds of metric', () => {
    const registry = new MetricsRegistry()
    registry.counter('a', 'A.')
    expect(() => registry.gauge('a', 'A.')).toThrow('metric a is a counter, not a gauge')
  })

  test('writes histograms as cumulative buckets with sum and count', () => {
    const registry = new MetricsRegistry()
    const histogram = registry.histogram('d_ms', 'D.', { s: 'web' }, [1, 10])
    for (const value of [0.5, 1, 2, 10, 11, 400]) histogram.observe(value)
    expect(registry.expose().split('\n').slice(2, 7)).toEqual([
      'd_ms_bucket{s="web",le="1"} 2',
      'd_ms_bucket{s="web",le="10"} 4',
      'd_ms_bucket{s="web",le="+Inf"} 6',
      'd_ms_sum{s="web"} 424.5',
      'd_ms_count{s="web"} 6',
    ])
  })

  test('escapes what would end a label or a line', () => {
    const registry = new MetricsRegistry()
    registry.gauge('g', 'line\nbreak', { path: 'a"b\\c\nd' }).set(1)
    expect(registry.expose()).toBe('# HELP g line\\nbreak\n# TYPE g gauge\ng{path="a\\"b\\\\c\\nd"} 1\n')
  })

  test('asks observed gauges when it is read, and forgets removed series', () => {
    const registry = new MetricsRegistry()
    let value = 1
    registry.observedGauge('g', 'G.', () => value, { a: 'x' })
    value = 7
    expect(registry.expose()).toContain('g{a="x"} 7')
    registry.remove('g', { a: 'x' })
    expect(registry.expose()).toBe('\n')
  })
})
