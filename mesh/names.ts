/** Names of a document: which workloads stand behind which services, and what a written name stands for. */
import type { MeshDocumentInput, WorkloadInput } from './document.ts'
import { list } from './match-schema.ts'
import { workloadName } from './name.ts'

/** Which workloads stand behind which services. Reads only names, so that it works on half a document, too. */
export interface Names {
  /** Workloads behind each service, in document order. */
  readonly services: ReadonlyMap<string, readonly string[]>
  /** Services that each workload stands behind. */
  readonly workloads: ReadonlyMap<string, readonly string[]>
}

export function namesOf(document: Pick<MeshDocumentInput, 'services' | 'workloads'>): Names {
  const services = new Map<string, string[]>()
  const workloads = new Map<string, readonly string[]>()
  for (const [service, { workloads: inline }] of Object.entries(document.services ?? {})) {
    const names = Object.keys(inline ?? {}).map(name => workloadName(service, name))
    services.set(service, names)
    for (const name of names) workloads.set(name, [service])
  }
  for (const [name, { services: behind = [] }] of Object.entries(document.workloads ?? {})) {
    workloads.set(name, behind)
    for (const service of behind) services.get(service)?.push(name)
  }
  for (const [service, names] of services) {
    if (names.length > 0) continue
    names.push(service)
    workloads.set(service, [service])
  }
  return { services, workloads }
}

/** Workloads that a name in a document stands for; undefined when nothing has that name. */
export const workloadsOf = (names: Names, name: string): readonly string[] | undefined =>
  names.services.get(name) ?? (names.workloads.has(name) ? [name] : undefined)

/** Workload names of a `from` or `source`; a name that is pending (or `*`) stands for itself. */
export const expand = (names: Names, written: string | readonly string[]): readonly string[] => [
  ...new Set(list(written).flatMap(name => workloadsOf(names, name) ?? [name])),
]

/** Nearest `calls` wins: the workload's own, then those of its services; all, when none has any. */
export function scopeOf(
  document: MeshDocumentInput,
  names: Names,
  services: readonly string[],
  workload: WorkloadInput | undefined,
): ReadonlySet<string> | undefined {
  const lists =
    workload?.calls === undefined ? services.map(name => document.services?.[name]?.calls) : [workload.calls]
  if (lists.length === 0 || lists.includes(undefined)) return undefined
  const called = lists.flatMap(calls => calls ?? [])
  return new Set(
    called.flatMap(name => (names.services.has(name) ? [name] : (names.workloads.get(name) ?? []))),
  )
}
