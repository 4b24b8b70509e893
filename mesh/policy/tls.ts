import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

/** Mutual TLS between workloads. `permissive` also accepts plaintext, for migration. */
export type TlsMode = 'strict' | 'permissive' | 'off'

const modeSchema = z.enum(['strict', 'permissive', 'off'])

/** Authored at mesh, service and workload level: the mode alone, or an object with it. */
export const tlsSchema = z
  .union([modeSchema, z.strictObject({ mode: modeSchema.optional() })])
  .meta({ id: 'Tls' })
export type TlsPolicy = Authored<typeof tlsSchema>

const fields: Fields<{ mode: TlsMode }> = { mode: { path: ['mode'], byDefault: 'strict' } }

export const resolveTls = (levels: readonly Level<TlsPolicy>[]): Resolved<{ mode: TlsMode }> =>
  resolveLevels(
    fields,
    { mode: 'off' },
    levels.map(({ at, policy }) => ({ at, policy: typeof policy === 'string' ? { mode: policy } : policy })),
  )
