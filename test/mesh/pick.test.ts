import { describe, expect, it } from 'vitest'
import { pick } from '../../mesh/pick.ts'
import type { RouteTarget } from '../../mesh/snapshot.ts'

const target = (name: string, weight: number): RouteTarget => ({ name, workload: name, weight })
const always = (value: number) => ({ next: () => value })

describe('pick', () => {
  it('gives each target its share', () => {
    const targets = [target('a', 90), target('b', 10)]
    let step = 0
    const evenly = { next: () => step++ / 1000 }
    const drawn = Array.from({ length: 1000 }, () => pick(targets, evenly)?.name)
    expect(drawn.filter(name => name === 'a')).toHaveLength(900)
    expect(drawn.filter(name => name === 'b')).toHaveLength(100)
  })

  it('never draws a target of weight 0', () => {
    const targets = [target('a', 0), target('b', 1), target('c', 0)]
    expect(pick(targets, always(0))?.name).toBe('b')
    expect(pick(targets, always(1 - Number.EPSILON))?.name).toBe('b')
  })

  it('draws nothing when all weights are 0, or there is no target', () => {
    expect(pick([target('a', 0)], always(0))).toBeUndefined()
    expect(pick([target('a', 0), target('b', 0)], always(0.5))).toBeUndefined()
    expect(pick([], always(0))).toBeUndefined()
  })

  it('draws the last target when rounding leaves a crumb of the total', () => {
    const thirds = [target('a', 0.1), target('b', 0.2), target('c', 0.3)]
    expect(pick(thirds, always(1 - Number.EPSILON / 2))?.name).toBe('c')
  })

  it('draws the share of a target that does not exist, so that it can be answered with 500', () => {
    const targets: RouteTarget[] = [{ name: 'gone', weight: 1 }, target('b', 1)]
    expect(pick(targets, always(0.2))).toEqual({ name: 'gone', weight: 1 })
  })
})
