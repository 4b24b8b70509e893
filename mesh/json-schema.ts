/** The JSON Schema of mesh documents, for editors of YAML and JSON. Published as `selvage/mesh.schema.json`. */
import { z } from 'zod'
import { meshDocumentSchema } from './document.ts'

export function meshJsonSchema(): object {
  return z.toJSONSchema(meshDocumentSchema, { io: 'input', target: 'draft-2020-12' })
}

/** The content of `mesh.schema.json`. */
export const meshJsonSchemaText = (): string => `${JSON.stringify(meshJsonSchema(), null, 2)}\n`
