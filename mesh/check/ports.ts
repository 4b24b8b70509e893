/** Ports are there, are told apart, and can be listened on. */
import type { ServiceInput } from '../document.ts'
import { scopeOf } from '../names.ts'
import { portsOf } from '../resolve.ts'
import type { Path } from '../violation.ts'
import type { Check, CheckContext } from './check.ts'

export const checkPorts: Check = context => {
  for (const [name, service] of Object.entries(context.document.services ?? {}))
    checkService(context, name, service)
  checkCollisions(context)
}

function checkService({ report, damaged }: CheckContext, name: string, service: ServiceInput): void {
  const path = ['services', name]
  if (service.ports === undefined && service.targetPort === undefined && !damaged(path))
    report(path, 'found neither targetPort nor ports, expected one of them: where the app listens')
  if (service.ports !== undefined) {
    for (const key of ['targetPort', 'port', 'protocol'] as const)
      if (service[key] !== undefined)
        report([...path, key], `found ${key} beside ports, expected it inside of ports only`)
    if (Object.keys(service.ports).length === 0)
      report([...path, 'ports'], 'found no ports, expected at least one')
  }
  const dialled = new Map<number, string | undefined>()
  for (const { port, name: key } of portsOf(service)) {
    if (dialled.has(port))
      report(
        portPath(name, key),
        `found the dial port ${port} twice (also ${dialled.get(port)}), expected each once`,
      )
    dialled.set(port, key)
  }
}

/** Where a port is written: its own entry of `ports`, or the service in the short form. */
const portPath = (service: string, name: string | undefined): Path =>
  name === undefined ? ['services', service] : ['services', service, 'ports', name]

interface Placed {
  readonly service: string
  readonly name: string | undefined
  readonly port: number
  readonly targetPort: number
}

/** Two services may collide in as many ways as there are pairs; a person reads only some. */
const MAX_COLLISIONS = 100

/**
 * A sidecar listens on the dial ports of what its workload may call, in the network namespace where the workload's own
 * app listens on its target port: both cannot have the same one.
 */
function checkCollisions(context: CheckContext): void {
  const placed = Object.entries(context.document.services ?? {}).flatMap(([service, authored]) =>
    portsOf(authored).map(port => ({ ...port, service })),
  )
  const dialled = Map.groupBy(placed, ({ port }) => port)
  const bound = Map.groupBy(placed, ({ service }) => service)
  const reported = new Set<string>()
  for (const [workload, services] of context.names.workloads) {
    const calls = scopeOf(context.document, context.names, workload)
    const reaches = (service: string) =>
      calls === undefined ? !services.includes(service) : calls.has(service)
    for (const own of services.flatMap(service => bound.get(service) ?? []))
      for (const called of dialled.get(own.targetPort) ?? []) {
        const key = `${own.service} ${called.service} ${called.port}`
        if (!reaches(called.service) || reported.has(key)) continue
        if (reported.size === MAX_COLLISIONS) return
        reported.add(key)
        reportCollision(context, workload, own, called)
      }
  }
}

function reportCollision({ report }: CheckContext, workload: string, own: Placed, called: Placed): void {
  report(
    portPath(called.service, called.name),
    `found the dial port ${called.port}, which the workload "${workload}" may call and which its own app binds ` +
      `(targetPort of "${own.service}"); expected another port for one of them, or "calls" of "${own.service}" ` +
      `without "${called.service}"`,
  )
}
