/**
 * Where the HTTP proxy must not lead, whatever the mesh's egress policy: to the credentials that machines hand out
 * at link-local addresses, to the control plane, and back to this sidecar itself. Addresses are judged after names
 * were resolved, and only the address that was judged is connected to.
 */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { Failure } from '../failure.ts'

export interface EgressGuardOptions {
  /** `ip:port` of the control plane and of our own listeners, for now; asked each time. */
  readonly ownAddresses: () => readonly ForbiddenAddress[]
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

export interface ForbiddenAddress {
  /** IP address or name. A wildcard (0.0.0.0, ::) stands for every address of this machine. */
  readonly host: string
  readonly port: number
  readonly what: string
}

/** What belongs to the mesh itself: ports of this proxy by name, and the control plane if there is one. */
export function ownAddresses(
  ports: readonly (readonly [name: string, at: { readonly host: string; readonly port: number }])[],
  controlUrl: URL | undefined,
): ForbiddenAddress[] {
  const ours = ports.map(([name, { host, port }]) => ({ host, port, what: `the ${name} port of this proxy` }))
  if (controlUrl === undefined) return ours
  const host = controlUrl.hostname.replace(/^\[(.*)\]$/, '$1')
  return [{ host, port: Number(controlUrl.port || 443), what: 'the control plane' }, ...ours]
}

const refusedAddresses = new BlockList()
// RFC 3927, with the metadata services of all clouds; RFC 4291 2.5.6.
refusedAddresses.addSubnet('169.254.0.0', 16, 'ipv4')
refusedAddresses.addSubnet('fe80::', 10, 'ipv6')
// EC2's metadata and time services over IPv6, Alibaba's metadata service, the old Azure one.
refusedAddresses.addSubnet('fd00:ec2::', 32, 'ipv6')
refusedAddresses.addAddress('100.100.100.200', 'ipv4')
refusedAddresses.addAddress('168.63.129.16', 'ipv4')
// No host: "this network", multicast, broadcast (RFC 6890).
refusedAddresses.addSubnet('0.0.0.0', 8, 'ipv4')
refusedAddresses.addSubnet('224.0.0.0', 3, 'ipv4')
refusedAddresses.addAddress('::', 'ipv6')
refusedAddresses.addSubnet('ff00::', 8, 'ipv6')

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const listed = (list: BlockList, address: string): boolean =>
  list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')

export class EgressGuard {
  private readonly options: EgressGuardOptions

  constructor(options: EgressGuardOptions) {
    this.options = options
  }

  /**
   * The address to connect to for a host outside the mesh. Rejects with a `Failure`: `egress-refused`, or
   * `connect-failure` when the name does not resolve.
   */
  async addressOf(host: string, port: number): Promise<string> {
    const bare = host.replace(/^\[(.*)\]$/, '$1')
    const addresses = (isIP(bare) === 0 ? await this.resolve(bare) : [bare]).map(unmapped)
    const objections: string[] = []
    for (const address of addresses) {
      const objection = await this.objection(address, port)
      if (objection === undefined) return address
      objections.push(objection)
    }
    throw new Failure(
      'egress-refused',
      `${host}:${port} may not be reached through this proxy: ${objections[0]}`,
    )
  }

  private async resolve(host: string): Promise<readonly string[]> {
    try {
      const addresses = await (this.options.resolve ?? lookupAll)(host)
      if (addresses.length > 0) return addresses
    } catch {
      // The same sentence for all that can go wrong.
    }
    throw new Failure('connect-failure', `${host} does not resolve to an address`)
  }

  private async objection(address: string, port: number): Promise<string | undefined> {
    if (listed(refusedAddresses, address)) return `${address} is a link-local, metadata or special address`
    for (const own of this.options.ownAddresses()) {
      if (own.port === port && (await this.isSame(own.host, address)))
        return `${address}:${port} is ${own.what}`
    }
    return undefined
  }

  private async isSame(host: string, address: string): Promise<boolean> {
    if (host === '0.0.0.0' || host === '::') return listed(loopback, address)
    const addresses = isIP(host) === 0 ? await this.resolve(host).catch(() => []) : [host]
    // All loopback addresses lead to this machine.
    return addresses
      .map(unmapped)
      .some(each => each === address || (listed(loopback, each) && listed(loopback, address)))
  }
}

const lookupAll = async (host: string): Promise<string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address)

/** Prefixes behind which an IPv4 address stands: mapped (RFC 4291 2.5.5.2), compatible (2.5.5.1), NAT64 (RFC 6052). */
const EMBEDDED = /^(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/

/** `::ffff:169.254.169.254`, however it is written, is 169.254.169.254. */
function unmapped(address: string): string {
  if (isIPv4(address)) return address
  const normal = new URL(`http://[${address.split('%', 1)[0]}]/`).hostname.slice(1, -1)
  const [, ...groups] = EMBEDDED.exec(normal) ?? []
  if (groups.length === 0) return address
  const [high = 0, low = 0] = groups.map(group => Number.parseInt(group, 16))
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}
