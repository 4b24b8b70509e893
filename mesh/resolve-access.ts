/** Access rules with their names resolved. */
import type { AccessRuleInput, MeshDocumentInput } from './document.ts'
import { list, resolveConditions } from './match-schema.ts'
import { expand, type Names } from './names.ts'
import type { AccessRule } from './policy/access.ts'

export interface ResolvedAccess {
  readonly accessDefault: 'allow' | 'deny'
  readonly access: readonly AccessRule[]
}

/** The one form behind the three ways of writing `access`; `path`: where the rules stand. */
export interface AuthoredAccess {
  readonly default: 'allow' | 'deny' | undefined
  readonly rules: readonly AccessRuleInput[]
  readonly path: readonly string[]
}

export function accessOf(access: MeshDocumentInput['access']): AuthoredAccess {
  if (access === undefined) return { default: undefined, rules: [], path: ['access'] }
  if (typeof access === 'string') return { default: access, rules: [], path: ['access'] }
  if (isList(access)) return { default: undefined, rules: access, path: ['access'] }
  return { default: access.default, rules: access.rules ?? [], path: ['access', 'rules'] }
}

const isList = (value: object): value is readonly AccessRuleInput[] => Array.isArray(value)

export function resolveAccess(access: MeshDocumentInput['access'], names: Names): ResolvedAccess {
  const { default: byDefault = 'allow', rules } = accessOf(access)
  return {
    accessDefault: byDefault,
    access: rules.map((rule, index) => ({
      name: rule.name ?? `access[${index}]`,
      action: rule.action ?? 'allow',
      mode: rule.mode ?? 'enforce',
      from: expand(names, rule.from),
      to: list(rule.to),
      methods: rule.methods ?? [],
      paths: rule.paths ?? [],
      ports: rule.ports ?? [],
      headers: resolveConditions(rule.headers ?? {}, name => name.toLowerCase()) ?? {},
    })),
  }
}
