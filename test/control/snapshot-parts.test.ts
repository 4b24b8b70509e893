import { describe, expect, it } from 'vitest'
import type { KnownEndpoints } from '../../control/discovery/known-endpoints.ts'
import { type Model, modelOf } from '../../control/model.ts'
import { snapshotParts } from '../../control/snapshot-parts.ts'
import { compileSnapshot, selectEndpoints } from '../../mesh/compile.ts'
import type { Endpoint } from '../../mesh/snapshot.ts'

const SERVICES = 200
/** Every workload may call every service: the largest snapshots that a mesh of this size has. */
const model: Model = {
  ...modelOf(undefined, {
    name: 'shop',
    services: Object.fromEntries(
      Array.from({ length: SERVICES }, (_, index) => [`s${index}`, { targetPort: 8080 }]),
    ),
  }),
  revision: 1,
}
const endpoint = (id: string): Endpoint => ({
  id,
  address: '10.0.0.1',
  port: 15006,
  weight: 1,
  health: 'healthy',
})

function setUp(maxKeptChars?: number) {
  const lists = new Map<string, readonly Endpoint[]>()
  for (const workload of model.mesh.workloads.keys()) lists.set(workload, [endpoint(`${workload}-a`)])
  const known: KnownEndpoints = { of: workload => lists.get(workload), close: () => {} }
  return { lists, parts: snapshotParts(known, maxKeptChars) }
}

describe('snapshotParts', () => {
  it('gives the text of what mesh compiles and selects', () => {
    const { lists, parts } = setUp()
    const config = compileSnapshot(model.mesh, 's7', { addresses: model.addresses })
    expect(JSON.parse(parts.config(model, 's7')!.json)).toEqual(JSON.parse(JSON.stringify(config)))
    expect(JSON.parse(parts.endpoints(model, 's7')!.json)).toEqual(selectEndpoints(config, lists))
  })

  it('knows nothing of a workload that the mesh does not have', () => {
    const { parts } = setUp()
    expect(parts.config(model, 'nobody')).toBeUndefined()
    expect(parts.endpoints(model, 'nobody')).toBeUndefined()
  })

  it('gives the same text again when there was no room to keep it', () => {
    const { parts } = setUp(1)
    const [first, second] = ['s1', 's2'].map(workload => parts.config(model, workload)!)
    const [firstList, secondList] = ['s1', 's2'].map(workload => parts.endpoints(model, workload)!)
    const compilations = parts.compilations
    expect(JSON.parse(first!.json).workload).toBe('s1')
    expect(JSON.parse(second!.json).workload).toBe('s2')
    expect(parts.compilations).toBeGreaterThan(compilations)
    expect(parts.config(model, 's1')!.hash).toBe(first!.hash)
    expect(Object.keys(JSON.parse(firstList!.json).clusters)).toEqual(
      Object.keys(JSON.parse(secondList!.json).clusters),
    )
  })

  it('tells the dependants of a workload whose endpoints changed, and makes their part anew', () => {
    const { lists, parts } = setUp()
    const before = parts.endpoints(model, 's7')!.hash
    lists.set('s9', [endpoint('s9-a'), endpoint('s9-b')])
    expect(parts.endpoints(model, 's7')!.hash).toBe(before)
    expect(parts.endpointsChanged('s9')).toContain('s7')
    expect(parts.endpoints(model, 's7')!.hash).not.toBe(before)
    expect(JSON.parse(parts.endpoints(model, 's7')!.json).clusters.s9).toHaveLength(2)
  })

  it('compiles anew for another revision', () => {
    const { parts } = setUp()
    parts.config(model, 's1')
    const compilations = parts.compilations
    const next = { ...model, revision: 2, addresses: new Map([['s1', '127.83.0.1']]) }
    expect(JSON.parse(parts.config(next, 's2')!.json).outbound[1]).toMatchObject({
      service: 's1',
      address: '127.83.0.1',
    })
    expect(parts.compilations).toBe(compilations + 1)
  })
})
