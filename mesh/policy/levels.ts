/**
 * How the levels of a policy become one value: the nearest level wins field by field, a list replaces a list,
 * `false` switches off what a wider level set (a nearer level that sets the policy again starts from the defaults).
 */

/** What one level says about a policy. */
export interface Level<Authored> {
  /** Where it stands, for people: `mesh`, `service payments`, `workload payments/v1`, `route canary`, `routes[2]`. */
  readonly at: string
  readonly policy: Authored | false | undefined
}

/** The levels above workload and route. A workload behind no or several services has none of a service. */
export const widerLevels = <Authored>(
  mesh: Authored | false | undefined,
  service: string | undefined,
  servicePolicy: Authored | false | undefined,
): Level<Authored>[] => [
  { at: 'mesh', policy: mesh },
  { at: `service ${service}`, policy: servicePolicy },
]

/** One field of a resolved policy: where it stands in the document, how it is read, and what it is by default. */
export interface Field<Value> {
  /** Keys from the policy's own object: `['backoff', 'initial']`. */
  readonly path: readonly string[]
  readonly byDefault: Value
  /** From the authored value; the same value unless given. */
  readonly read?: (authored: never) => Value
}

export type Fields<Policy> = { readonly [K in keyof Policy]-?: Field<Policy[K]> }

/** A policy, and for each field the level that it came from: `default` when none gave it. */
export interface Resolved<Policy> {
  readonly value: Policy
  readonly origin: Readonly<Record<keyof Policy, string>>
  /** True when the nearest level that speaks of the policy is `false`. */
  readonly off: boolean
}

/** Levels are ordered from the widest to the nearest; `whenOff` is the value of a policy that is switched off. */
export function resolveLevels<Policy extends object>(
  fields: Fields<Policy>,
  whenOff: Policy,
  levels: readonly Level<object>[],
): Resolved<Policy> {
  const keys = Object.keys(fields) as (keyof Policy)[]
  let value = defaultsOf(fields)
  let origin = originOf(keys, 'default')
  let off = false
  for (const { at, policy } of levels) {
    if (policy === undefined) continue
    if (policy === false) {
      value = { ...whenOff }
      origin = originOf(keys, at)
      off = true
      continue
    }
    if (off) {
      value = defaultsOf(fields)
      origin = originOf(keys, 'default')
      off = false
    }
    for (const key of keys) {
      const authored = valueAt(policy, fields[key].path)
      if (authored === undefined) continue
      const read = fields[key].read as ((authored: unknown) => Policy[typeof key]) | undefined
      value[key] = read === undefined ? (authored as Policy[typeof key]) : read(authored)
      origin[key] = at
    }
  }
  return { value, origin, off }
}

export function defaultsOf<Policy extends object>(fields: Fields<Policy>): Policy {
  const entries = Object.entries(fields) as [string, Field<unknown>][]
  return Object.fromEntries(entries.map(([key, field]) => [key, field.byDefault])) as Policy
}

function originOf<Key extends PropertyKey>(keys: readonly Key[], at: string): Record<Key, string> {
  return Object.fromEntries(keys.map(key => [key, at])) as Record<Key, string>
}

function valueAt(policy: object, path: readonly string[]): unknown {
  let value: unknown = policy
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
