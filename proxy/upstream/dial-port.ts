/** One port of one service at a workload: what its sidecar is asked for. One value for as long as it exists. */
import type { Cluster as ClusterConfig, Protocol } from '../../mesh/snapshot.ts'

export interface DialPort {
  readonly service: string
  readonly port: number
  readonly protocol: Protocol
  /** Canonical name of the service, for requests of our own. */
  readonly host: string
}

/** What services speak on their ports, keyed `<service>:<port>`. */
export type PortProtocols = ReadonlyMap<string, Protocol>

/** Every port that a workload answers on, by the keys of its `serverNames`. */
export function dialPorts({ serverNames }: ClusterConfig, protocols: PortProtocols): Map<string, DialPort> {
  const ports = new Map<string, DialPort>()
  for (const [key, serverName] of Object.entries(serverNames)) {
    const colon = key.lastIndexOf(':')
    ports.set(key, {
      service: key.slice(0, colon),
      port: Number(key.slice(colon + 1)),
      protocol: protocols.get(key) ?? 'http',
      host: hostOf(serverName),
    })
  }
  return ports
}

/** `<port>.<workload>.<service>.<domain>`; dots within the names are written `--`. */
const hostOf = (serverName: string): string => serverName.split('.').slice(2).join('.').replaceAll('--', '.')

/** Whether connections made under one configuration may be used under the other. */
export function sameTerms(a: ClusterConfig, b: ClusterConfig): boolean {
  const names = Object.keys(a.serverNames)
  return (
    a.tls === b.tls &&
    a.identity === b.identity &&
    names.length === Object.keys(b.serverNames).length &&
    names.every(name => a.serverNames[name] === b.serverNames[name])
  )
}

/** Whether the ports still speak what they did. */
export function sameProtocols(ports: ReadonlyMap<string, DialPort>, protocols: PortProtocols): boolean {
  for (const [key, { protocol }] of ports) if (protocol !== (protocols.get(key) ?? 'http')) return false
  return true
}
