/** The snapshot that a sidecar of the bench gets in place of a control plane's. */
import { compileSnapshot, selectEndpoints } from '../mesh/compile.ts'
import { resolve } from '../mesh/resolve.ts'
import type { Endpoint, Snapshot } from '../mesh/snapshot.ts'
import { benchDocument, CALLED_WORKLOAD } from './document.ts'
import type { Topology } from './subject/subject.ts'

export interface SnapshotOptions {
  readonly topology: Topology
  /** The workload beside which the sidecar runs. */
  readonly workload: string
  readonly routeCount: number
  readonly appPort: number
  /** Where the called workload's sidecar is; in one hop, where its app is. */
  readonly upstreamPort: number
}

export function benchSnapshot(options: SnapshotOptions): Snapshot {
  const { topology, workload, routeCount, appPort, upstreamPort } = options
  const mesh = resolve(benchDocument(topology, appPort, routeCount))
  const config = compileSnapshot(mesh, workload, { addresses: new Map() })
  const endpoint: Endpoint = {
    id: `${CALLED_WORKLOAD}-1`,
    address: '127.0.0.1',
    port: upstreamPort,
    weight: 1,
    health: 'healthy',
  }
  return { config, endpoints: selectEndpoints(config, new Map([[CALLED_WORKLOAD, [endpoint]]])) }
}
