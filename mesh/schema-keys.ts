/** Which keys a schema allows at a place, for suggestions. */
import type { z } from 'zod'
import type { Path } from './violation.ts'

type Schema = z.core.$ZodType

/** Keys of every object that the schema allows there; through unions, lists, maps and optional values. */
export function keysAt(schema: Schema, path: Path): readonly string[] {
  let schemas: Schema[] = [schema]
  for (const key of path) schemas = schemas.flatMap(unwrap).flatMap(inner => childOf(inner, key))
  return [...new Set(schemas.flatMap(unwrap).flatMap(keysOf))]
}

const defOf = (schema: Schema) => schema._zod.def as z.core.$ZodTypes['_zod']['def']

function unwrap(schema: Schema): Schema[] {
  const def = defOf(schema)
  if (def.type === 'union') return def.options.flatMap(unwrap)
  if (def.type === 'optional') return unwrap(def.innerType)
  if (def.type === 'lazy') return unwrap(def.getter())
  return [schema]
}

function childOf(schema: Schema, key: PropertyKey): Schema[] {
  const def = defOf(schema)
  if (def.type === 'object') return Object.hasOwn(def.shape, key) ? [def.shape[String(key)]!] : []
  if (def.type === 'record') return [def.valueType]
  return def.type === 'array' ? [def.element] : []
}

function keysOf(schema: Schema): string[] {
  const def = defOf(schema)
  return def.type === 'object' ? Object.keys(def.shape) : []
}
