/** A resolved policy, field by field, with the level that each came from. */
import type { Resolved } from './policy/levels.ts'

export type PolicyExplanation = Readonly<Record<string, FieldExplanation>>

export interface FieldExplanation {
  readonly value: unknown
  /** `default`, `mesh`, `service payments`, `workload payments/v1`, `route canary`. */
  readonly from: string
}

export function explainPolicy<Policy extends object>({ value, origin }: Resolved<Policy>): PolicyExplanation {
  const keys = Object.keys(value) as (keyof Policy & string)[]
  return Object.fromEntries(keys.map(key => [key, { value: value[key], from: origin[key] }]))
}
