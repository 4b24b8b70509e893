import type { ResolvedMesh, ResolvedWorkload } from '../../mesh/resolve.ts'
import type { RunOptions } from './run-options.ts'

/** One endpoint of a workload on this machine: a sidecar, and an app that somebody starts. */
export interface Instance {
  readonly workload: string
  /** From 1. */
  readonly number: number
  /** `payments/v1`, or `payments/v1#2` where there are several: how it is called in logs and tables. */
  readonly label: string
  /** Registration id. */
  readonly id: string
  /** Ports where the document says that its app listens. */
  readonly targetPorts: readonly number[]
  /** What starts its app; undefined: the person does. */
  readonly command: string | undefined
}

/** Every endpoint that `dev` runs: one per workload unless `--endpoints` asks for more; services in their order. */
export function instancesOf(mesh: ResolvedMesh, options: RunOptions): Instance[] {
  const behind = [...mesh.services.values()].flatMap(service => service.workloads)
  const names = [...new Set([...behind, ...mesh.workloads.keys()])]
  return names.flatMap(name => {
    const workload = mesh.workloads.get(name)
    if (workload === undefined) return []
    const count = options.endpoints.get(name) ?? 1
    return Array.from({ length: count }, (_, index) => instanceOf(mesh, workload, index + 1, count, options))
  })
}

function instanceOf(
  mesh: ResolvedMesh,
  workload: ResolvedWorkload,
  number: number,
  count: number,
  options: RunOptions,
): Instance {
  const { name } = workload
  const ports = workload.services.flatMap(service => mesh.services.get(service)?.ports ?? [])
  return {
    workload: name,
    number,
    label: count === 1 ? name : `${name}#${number}`,
    id: `${name.replaceAll('/', '.')}-${number}`,
    targetPorts: [...new Set(ports.map(port => port.targetPort))],
    command: options.commands.get(name),
  }
}

/** What makes an instance another one: a change of it needs another sidecar. */
export const keyOf = (instance: Instance): string =>
  `${instance.id} ${instance.targetPorts.join(',')} ${instance.command ?? ''}`
