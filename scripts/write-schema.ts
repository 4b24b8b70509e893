/** Writes the published JSON Schema of mesh documents: `node scripts/write-schema.ts`. A test holds it to the source. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { meshJsonSchemaText } from '../mesh/json-schema.ts'

const file = join(import.meta.dirname, '../mesh/mesh.schema.json')
writeFileSync(file, meshJsonSchemaText())
console.log(`wrote ${file}`)
