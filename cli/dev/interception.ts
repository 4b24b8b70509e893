import { createServer } from 'node:net'
import { callableServices } from '../../mesh/compile.ts'
import type { ResolvedMesh } from '../../mesh/resolve.ts'
import { CommandError, reasonOf } from '../command-error.ts'
import type { Instance } from './instances.ts'
import type { DevOptions } from './options.ts'

/** How calls get into the sidecars of this machine. */
export interface Interception {
  /** Id of the one instance whose sidecar listens on the services' own addresses; undefined: none. */
  readonly loopbackFor: string | undefined
  /** What was chosen and why, for people. */
  readonly sentence: string
}

export interface InterceptionInput {
  readonly wanted: DevOptions['interception']
  readonly mesh: ResolvedMesh
  readonly instances: readonly Instance[]
  /** Loopback address of each service. */
  readonly addresses: Readonly<Record<string, string>>
}

const EXPLICIT = 'explicit: a local port for each service that a workload calls'

/**
 * Loopback addresses belong to the machine, and each can have one listener: the first workload that calls anything
 * gets them, if this user may bind them all. Everybody else gets explicit ports.
 */
export async function chooseInterception(input: InterceptionInput): Promise<Interception> {
  const { wanted, instances, mesh } = input
  if (wanted === 'explicit') return { loopbackFor: undefined, sentence: `${EXPLICIT} (as asked)` }
  const callers = instances.filter(instance => addressesFor(input, instance).length > 0)
  // Who says what it calls means it; who says nothing may call everything.
  const caller =
    callers.find(({ workload }) => mesh.workloads.get(workload)?.calls !== undefined) ?? callers[0]
  if (caller === undefined) return { loopbackFor: undefined, sentence: `${EXPLICIT} (nobody calls anybody)` }
  const obstacle = await firstObstacle(addressesFor(input, caller))
  if (obstacle === undefined) {
    const others =
      instances.length > 1
        ? '; explicit local ports for the others, since an address can have only one listener'
        : ''
    return {
      loopbackFor: caller.id,
      sentence: `loopback: ${caller.label} calls the services at their own addresses${others}`,
    }
  }
  if (wanted === 'loopback') {
    throw new CommandError('missing', `loopback interception is not possible here: ${obstacle}`, {
      hint: 'Leave out --interception to fall back to explicit ports, or let users bind ports below 1024 (sysctl net.ipv4.ip_unprivileged_port_start=0).',
    })
  }
  return { loopbackFor: undefined, sentence: `${EXPLICIT} (loopback is not possible here: ${obstacle})` }
}

interface Address {
  readonly host: string
  readonly port: number
}

function addressesFor({ mesh, addresses }: InterceptionInput, instance: Instance): Address[] {
  const workload = mesh.workloads.get(instance.workload)
  if (workload === undefined) return []
  return callableServices(mesh, workload).flatMap(({ service, ports }) => {
    const host = addresses[service.name]
    return host === undefined ? [] : ports.map(({ port }) => ({ host, port }))
  })
}

async function firstObstacle(addresses: readonly Address[]): Promise<string | undefined> {
  for (const address of addresses) {
    const obstacle = await obstacleTo(address)
    if (obstacle !== undefined) return obstacle
  }
  return undefined
}

/** Binds and lets go again: the only way to know. Undefined: it can be had. */
function obstacleTo({ host, port }: Address): Promise<string | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve(`${host}:${port} cannot be bound: ${reasonOf(error)}`))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
