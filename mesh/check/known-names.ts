/** Names that a document defines or declares, read from it as it is, mistakes and all. */
import { workloadName } from '../name.ts'

export interface KnownNames {
  readonly services: ReadonlySet<string>
  /** Workloads: `payments/v1`, and those of the top level. */
  readonly workloads: ReadonlySet<string>
  /** What other fragments define. */
  readonly uses: ReadonlySet<string>
}

/** Never throws: what is not where it should be has no names. */
export function knownNames(value: unknown): KnownNames {
  const services = members(value, 'services')
  const workloads = new Set(members(value, 'workloads').map(([name]) => name))
  for (const [service, body] of services)
    for (const [workload] of members(body, 'workloads')) workloads.add(workloadName(service, workload))
  const uses = memberOf(value, 'uses')
  const declared = Array.isArray(uses) ? uses.filter(name => typeof name === 'string') : []
  return { services: new Set(services.map(([name]) => name)), workloads, uses: new Set(declared) }
}

/** Services and workloads that are defined here. */
export const definedNames = ({ services, workloads }: KnownNames): ReadonlySet<string> =>
  services.union(workloads)

const members = (value: unknown, key: string): [string, unknown][] => {
  const member = memberOf(value, key)
  return typeof member === 'object' && member !== null ? Object.entries(member) : []
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined
