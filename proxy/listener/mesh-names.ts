/** The names under which callers know the services of the mesh. */
import type { Protocol, SnapshotConfig } from '../../mesh/snapshot.ts'

/** Where a name leads: a service, nowhere although it is one of ours, or outside. */
export type Named =
  | { readonly kind: 'service'; readonly service: string; readonly protocol: Protocol }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'outside' }

export class MeshNames {
  private readonly byHost = new Map<string, SnapshotConfig['outbound'][number]>()
  private readonly suffix: string

  constructor({ outbound, domain }: Pick<SnapshotConfig, 'outbound' | 'domain'>) {
    for (const service of outbound) for (const host of service.hosts) this.byHost.set(host, service)
    this.suffix = `.${domain}`
  }

  /** `host` in lower case. A port that the service does not declare is for its routes to refuse. */
  find(host: string, port: number): Named {
    const found = this.byHost.get(host)
    if (found !== undefined) {
      const protocol = found.ports.find(each => each.port === port)?.protocol ?? 'http'
      return { kind: 'service', service: found.service, protocol }
    }
    return { kind: host.endsWith(this.suffix) ? 'unknown' : 'outside' }
  }
}
