/** Proxies in this process, with certificates and snapshots from memory, on free ports. */
import { afterEach } from 'vitest'
import type { Snapshot } from '../../mesh/snapshot.ts'
import { MemoryConfig } from '../../proxy/config/memory.ts'
import type { Identity } from '../../proxy/identity/identity.ts'
import { MemoryIdentity } from '../../proxy/identity/memory.ts'
import { type RunningProxy, startProxy } from '../../proxy/proxy.ts'
import { readSettings, type Settings } from '../../proxy/settings.ts'
import type { LineOutput } from '../../proxy/telemetry/output.ts'
import { keptLog } from './log.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** Runs after the test, last come first. */
export const afterTest = (close: () => unknown): void => void closing.push(close)

/** Nothing that a test may trip over: free ports, no delays, no control plane. */
export function testSettings(workload: string, more: Partial<Settings> = {}): Settings {
  const read = readSettings({
    SELVAGE_MESH: 'shop',
    SELVAGE_WORKLOAD: workload,
    SELVAGE_CONFIG_FILE: 'unused',
    SELVAGE_IDENTITY_DIR: 'unused',
    SELVAGE_INTERCEPTION: 'explicit',
    SELVAGE_INBOUND_ADDRESS: '127.0.0.1:0',
    SELVAGE_HEALTH_ADDRESS: '127.0.0.1:0',
    SELVAGE_ADMIN_PORT: '0',
    SELVAGE_DRAIN_DELAY: '0s',
    SELVAGE_DRAIN_TIMEOUT: '5s',
  })
  return { ...read, configFile: undefined, identityDir: undefined, ...more }
}

export interface TestProxy {
  readonly running: RunningProxy
  readonly config: MemoryConfig
  readonly identity: MemoryIdentity
  readonly log: ReturnType<typeof keptLog>
  /** Lines of the access log. */
  readonly accessLog: Record<string, unknown>[]
  /** Port of the mesh listener. */
  readonly port: number
  /** Where callers of a service connect, `http://127.0.0.1:…`. */
  url(service?: string): string
  /** Port of an outbound listener, `<service>:<port>`. */
  outboundPort(name: string): number
}

export interface TestProxyOptions {
  readonly identity: Identity
  readonly snapshot: Snapshot
  readonly settings?: Partial<Settings>
}

export async function testProxy({ identity, snapshot, settings }: TestProxyOptions): Promise<TestProxy> {
  const config = new MemoryConfig(snapshot)
  const identities = new MemoryIdentity(identity)
  const log = keptLog()
  const accessLog: Record<string, unknown>[] = []
  const output: LineOutput = {
    pendingBytes: 0,
    write: line => accessLog.push(JSON.parse(line)),
    flush: async () => {},
  }
  const running = await startProxy(testSettings(snapshot.config.workload, settings), {
    config,
    identity: identities,
    log,
    output,
  })
  afterTest(() => running.stop())
  await running.ready()
  const portOf = (address: string | undefined) => Number(address?.slice(address.lastIndexOf(':') + 1))
  const outboundPort = (name: string) => portOf(running.addresses.outbound[name])
  return {
    running,
    config,
    identity: identities,
    log,
    accessLog,
    port: portOf(running.addresses.inbound),
    url: (service = 'payments') => `http://127.0.0.1:${outboundPort(`${service}:80`)}`,
    outboundPort,
  }
}
