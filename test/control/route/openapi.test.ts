import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paths } from '../../../mesh/protocol.ts'
import { createPlane, type Plane } from '../plane.ts'

let plane: Plane
beforeAll(async () => {
  plane = await createPlane()
})
afterAll(() => plane.close())

const document = async () => (await plane.call('nobody', 'GET', paths.openapi())).body

describe('the OpenAPI document', () => {
  it('has every path that protocol.ts names, and no other', async () => {
    const templates = Object.entries(paths).filter(([name]) => name !== 'openapi' && name !== 'workload')
    const named = templates.map(([, build]) => {
      const text = (build as (...names: string[]) => string)('MESH', 'ONE', 'TWO')
      return text.replace('MESH', '{mesh}')
    })
    const declared = Object.keys((await document()).paths).map(path =>
      path
        .replace(/\{(?:fragment|workload)\}/, 'ONE')
        .replace('publish-tokens/{id}', 'publish-tokens/ONE')
        .replace('{id}', 'TWO'),
    )
    expect(declared.toSorted()).toEqual(named.toSorted())
  })

  it('describes what each operation takes, answers and refuses', async () => {
    const { openapi, paths: all } = await document()
    expect(openapi).toBe('3.1.0')
    for (const operations of Object.values<Record<string, { summary?: string; responses: object }>>(all)) {
      for (const operation of Object.values(operations)) {
        expect(operation.summary).toBeTruthy()
        expect(Object.keys(operation.responses)).toContain('default')
      }
    }
    const put = all['/v1/meshes/{mesh}/workloads/{workload}/endpoints/{id}'].put
    expect(JSON.stringify(put.requestBody)).toContain('leaseSeconds')
  })
})
