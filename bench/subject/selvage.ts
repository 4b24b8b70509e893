/**
 * Selvage's own sidecars, started as anybody would start them without a control plane: a snapshot in a file and
 * certificates in a directory.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Leaf } from '../certificates.ts'
import type { Child } from '../children.ts'
import { CALLED_WORKLOAD, CALLING_WORKLOAD, MESH, SERVICE_PORT } from '../document.ts'
import { freePorts } from '../ports.ts'
import { proofOf } from '../proof.ts'
import { benchSnapshot } from '../snapshot.ts'
import { runChain, startListening } from './chain.ts'
import type { RunningSubject, Site, Subject } from './subject.ts'

const MAIN = join(import.meta.dirname, '../../proxy/main.ts')

/** One sidecar: the workload beside which it runs, its certificate, and its ports. */
interface Sidecar {
  readonly workload: string
  readonly leaf: Leaf
  readonly ports: Ports
  /** Where the sidecar of the called workload, or in one hop the app itself, is. */
  readonly upstreamPort: number
  /** The port to wait for. */
  readonly listens: number
}

interface Ports {
  readonly service: number
  readonly inbound: number
  readonly admin: number
  readonly health: number
}

/** @param profileDirectory where each sidecar writes a CPU profile when it stops; undefined: none. */
export const selvageSubject = (profileDirectory: string | undefined): Subject => ({
  name: 'selvage',
  async start(site) {
    const caller = await somePorts()
    const called = await somePorts()
    const children: Child[] = []
    const start = async (sidecar: Sidecar) => {
      children.push(await startSidecar(site, sidecar, profileDirectory))
    }
    try {
      if (site.topology === 'two-hops') {
        const leaf = site.certificates.called
        const upstreamPort = called.inbound
        await start({ workload: CALLED_WORKLOAD, leaf, ports: called, upstreamPort, listens: called.inbound })
      }
      await start({
        workload: CALLING_WORKLOAD,
        leaf: site.certificates.caller,
        ports: caller,
        upstreamPort: site.topology === 'two-hops' ? called.inbound : site.appPort,
        listens: caller.service,
      })
    } catch (error) {
      await Promise.all(children.map(child => child.stop()))
      throw error
    }
    const admins = site.topology === 'two-hops' ? [caller.admin, called.admin] : [caller.admin]
    return { ...runChain(caller.service, children), proof: () => proofOf(admins) } satisfies RunningSubject
  },
})

async function somePorts(): Promise<Ports> {
  const [service, inbound, admin, health] = (await freePorts(4)) as [number, number, number, number]
  return { service, inbound, admin, health }
}

function startSidecar(site: Site, sidecar: Sidecar, profileDirectory: string | undefined): Promise<Child> {
  const { workload, ports, leaf } = sidecar
  const snapshot = join(site.directory, `${workload}.json`)
  const { topology, routeCount, appPort } = site
  const { upstreamPort } = sidecar
  writeFileSync(
    snapshot,
    JSON.stringify(benchSnapshot({ topology, workload, routeCount, appPort, upstreamPort })),
  )
  const profile =
    profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`, `--cpu-prof-name=${workload}.cpuprofile`]
  return startListening(
    {
      name: `selvage (${workload})`,
      command: process.execPath,
      args: [...profile, MAIN],
      cpus: site.cpus,
      env: {
        NODE_ENV: 'production',
        SELVAGE_MESH: MESH,
        SELVAGE_WORKLOAD: workload,
        SELVAGE_CONFIG_FILE: snapshot,
        SELVAGE_IDENTITY_DIR: leaf.directory,
        SELVAGE_INTERCEPTION: 'explicit',
        SELVAGE_EXPLICIT_PORTS: `${CALLED_WORKLOAD}:${SERVICE_PORT}=${ports.service}`,
        SELVAGE_INBOUND_ADDRESS: `127.0.0.1:${ports.inbound}`,
        SELVAGE_ADMIN_PORT: String(ports.admin),
        SELVAGE_HEALTH_ADDRESS: `127.0.0.1:${ports.health}`,
        SELVAGE_DRAIN_DELAY: '0s',
        SELVAGE_DRAIN_TIMEOUT: '1s',
        SELVAGE_LOG_LEVEL: 'warn',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${site.appPort}`,
      },
    },
    sidecar.listens,
  )
}
