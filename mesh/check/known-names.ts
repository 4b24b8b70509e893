/** Names that a document defines or declares, read from it as it is, mistakes and all. */
import { workloadName } from '../name.ts'
import type { Path } from '../violation.ts'

export interface KnownNames {
  readonly services: ReadonlySet<string>
  /** Workloads: `payments/v1`, and those of the top level. */
  readonly workloads: ReadonlySet<string>
  /** What other fragments define. */
  readonly uses: ReadonlySet<string>
  /** Every name that the document defines, ports included, with its place. */
  readonly written: readonly { readonly name: string; readonly path: Path }[]
}

/** Never throws: what is not where it should be has no names. */
export function knownNames(value: unknown): KnownNames {
  const written: { name: string; path: Path }[] = []
  const keysOf = (owner: unknown, key: string, path: Path): string[] => {
    const names = members(owner, key).map(([name]) => name)
    for (const name of names) written.push({ name, path: [...path, key, name] })
    return names
  }
  const services = new Set(keysOf(value, 'services', []))
  const workloads = new Set(keysOf(value, 'workloads', []))
  for (const [service, body] of members(value, 'services')) {
    const path = ['services', service]
    keysOf(body, 'ports', path)
    for (const workload of keysOf(body, 'workloads', path)) workloads.add(workloadName(service, workload))
  }
  const uses = memberOf(value, 'uses')
  const declared = Array.isArray(uses) ? uses.filter(name => typeof name === 'string') : []
  return { services, workloads, uses: new Set(declared), written }
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
