import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { meshJsonSchemaText } from '../../mesh/json-schema.ts'

interface Schema {
  readonly properties: Readonly<Record<string, unknown>>
  readonly additionalProperties: unknown
  readonly $defs: Readonly<Record<string, Partial<Schema>>>
}

describe('mesh.schema.json', () => {
  const published = readFileSync(join(import.meta.dirname, '../../mesh/mesh.schema.json'), 'utf8')

  it('is what the document schema gives (else: node scripts/write-schema.ts)', () => {
    expect(published).toBe(meshJsonSchemaText())
  })

  it('refuses unknown keys, and names the parts that people look for', () => {
    const schema = JSON.parse(published) as Schema
    expect(schema.additionalProperties).toBe(false)
    expect(Object.keys(schema.$defs)).toEqual(
      expect.arrayContaining(['Service', 'Workload', 'Route', 'Match', 'AccessRule', 'Retry']),
    )
    for (const name of ['Service', 'Route', 'Retry', 'AccessRule'])
      expect(schema.$defs[name]?.additionalProperties, name).toBe(false)
  })
})
