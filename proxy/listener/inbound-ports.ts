/** What this workload answers for, as connections ask for it: by server name, and for plaintext by Host. */
import { serverName } from '../../mesh/protocol.ts'
import type { InboundPort, SnapshotConfig } from '../../mesh/snapshot.ts'

export class InboundPorts {
  /** For peers that prove themselves. */
  private readonly byServerName = new Map<string, InboundPort>()
  /** `permissive` or `off`: plaintext is let in. */
  private readonly open: readonly InboundPort[]
  private readonly domain: string

  constructor({ inbound, workload, domain }: Pick<SnapshotConfig, 'inbound' | 'workload' | 'domain'>) {
    for (const port of inbound) {
      this.byServerName.set(serverName(port.port, workload, port.service, domain), port)
    }
    this.open = inbound.filter(({ tls }) => tls !== 'strict')
    this.domain = domain
  }

  /** SNI is compared without case (RFC 6066 section 3). */
  named(name: string): InboundPort | undefined {
    return this.byServerName.get(name.toLowerCase())
  }

  /** Whether the first bytes of a connection must be looked at. */
  get takesPlaintext(): boolean {
    return this.open.length > 0
  }

  /**
   * The port that plaintext HTTP is for. Host names the service; the dial port in it decides between several, and
   * where there is but one service nothing needs to be named.
   */
  forHost(authority: string): InboundPort | undefined {
    const candidates = this.open.filter(({ protocol }) => protocol !== 'tcp')
    const [, host = '', port] = /^(.*?)(?::(\d+))?$/.exec(authority) ?? []
    const named = candidates.filter(({ service }) => host === service || host === `${service}.${this.domain}`)
    const services = new Set(candidates.map(({ service }) => service))
    const matching = named.length > 0 ? named : services.size === 1 ? candidates : []
    return matching.find(each => each.port === Number(port ?? 80)) ?? matching[0]
  }

  /** The port that plaintext bytes are for: they name nothing, so only one can be meant. */
  forBytes(): InboundPort | undefined {
    const candidates = this.open.filter(({ protocol }) => protocol === 'tcp')
    return candidates.length === 1 ? candidates[0] : undefined
  }
}
