/** Who may call what. Enforced by the callee's own sidecar. */
import { z } from 'zod'
import type { StringMatch } from '../match.ts'
import { nameSchema, portSchema, targetNameSchema } from '../name.ts'

export interface AccessRule {
  /** Its name, or its place in the document (`access[3]`): what a refusal quotes. */
  readonly name: string
  readonly action: 'allow' | 'deny'
  readonly mode: 'enforce' | 'shadow'
  /** Workload names, resolved (a service stands for all its workloads); `*`: any proven identity. Empty: nobody. */
  readonly from: readonly string[]
  /** Service or workload names, as written. */
  readonly to: readonly string[]
  /** Upper case; empty: any. */
  readonly methods: readonly string[]
  /** `/charges/*` is a prefix of whole text up to `*`; otherwise exact. Empty: any. */
  readonly paths: readonly string[]
  /** Ports that callers dial; empty: any. */
  readonly ports: readonly number[]
  readonly headers: Readonly<Record<string, StringMatch>>
}

const oneOrMoreNames = z.union([targetNameSchema, z.array(targetNameSchema).min(1).max(1000)])

/** `*` only at the end; the rest as it goes over the wire. */
const accessPathSchema = z
  .string()
  .max(2048)
  .refine(path => /^\/[\x21-\x7e]*$/.test(path) && !/[?#]/.test(path) && !path.slice(0, -1).includes('*'), {
    error: 'expected a path that begins with "/", percent-encoded and without query; "*" only at its end',
  })

/** The fields of an authored rule, but for methods and headers, which it shares with route matches. */
export const accessRuleFields = {
  name: nameSchema.optional(),
  action: z.enum(['allow', 'deny']).optional().describe('Default allow. Deny wins over allow.'),
  mode: z
    .enum(['enforce', 'shadow'])
    .optional()
    .describe('shadow: evaluated, counted and logged, not enforced.'),
  from: oneOrMoreNames.describe('Services or workloads; *: any proven identity.'),
  to: oneOrMoreNames.describe('Services or workloads.'),
  paths: z.array(accessPathSchema).max(1000).optional().describe('/charges/* or exact.'),
  ports: z.array(portSchema).max(100).optional().describe('Ports that callers dial.'),
}
