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
  name: string,
): ReadonlySet<string> | undefined {
  const { services, workload } = authoredWorkload(document, names, name)
  const lists =
    workload?.calls === undefined
      ? services.map(service => document.services?.[service]?.calls)
      : [workload.calls]
  if (lists.length === 0 || lists.includes(undefined)) return undefined
  const called = lists.flatMap(calls => calls ?? [])
  return new Set(called.flatMap(one => (names.services.has(one) ? [one] : (names.workloads.get(one) ?? []))))
}

/** What a document says of a workload. A workload of the top level takes its service's policies only if it stands behind exactly one. */
export function authoredWorkload(document: MeshDocumentInput, names: Names, name: string) {
  const services = names.workloads.get(name) ?? []
  const serviceName = services.length === 1 ? services[0] : undefined
  const service = serviceName === undefined ? undefined : document.services?.[serviceName]
  const inline = service?.workloads?.[name.slice(name.indexOf('/') + 1)]
  const workload: WorkloadInput | undefined = name.includes('/') ? inline : document.workloads?.[name]
  return { services, workload, service, serviceName }
}
