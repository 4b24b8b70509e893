import type { Protocol } from '../../mesh/snapshot.ts'
import { type Log, type LogFields, type RunningProxy, readSettings, startProxy } from '../../proxy/index.ts'
import { CommandError } from '../command-error.ts'
import type { Reach } from './environment.ts'
import type { Instance } from './instances.ts'

export interface SidecarOptions {
  readonly mesh: string
  readonly instance: Instance
  readonly controlUrl: string
  readonly joinToken: string
  /** Actual port of the app by the document's targetPort. */
  readonly appPorts: ReadonlyMap<number, number>
  readonly interception: 'loopback' | 'explicit'
  /** Takes its log, a line at a time. */
  readonly write: (line: string) => void
  readonly verbose: boolean
}

export interface Sidecar {
  readonly adminUrl: string
  readonly httpProxyUrl: string | undefined
  /** Services that its app may call, and where, as of now. */
  reaches(): readonly Reach[]
  /** Takes no new requests and lets those in flight end. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Starts a sidecar in this process; resolves when it carries traffic. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { label } = options.instance
  let proxy: RunningProxy | undefined
  try {
    proxy = await startProxy(readSettings(environmentOf(options)), {
      log: logTo(options.write, options.verbose),
      output: { pendingBytes: 0, write: line => options.write(line.trimEnd()), flush: async () => undefined },
    })
    await proxy.ready()
    return sidecarOf(proxy)
  } catch (error) {
    await proxy?.stop()
    throw new CommandError('missing', `the sidecar of ${label} does not start: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function environmentOf(options: SidecarOptions): Record<string, string> {
  const { mesh, instance, controlUrl, joinToken, appPorts, interception } = options
  return {
    SELVAGE_MESH: mesh,
    SELVAGE_WORKLOAD: instance.workload,
    SELVAGE_INSTANCE: instance.id,
    SELVAGE_CONTROL_URL: controlUrl,
    SELVAGE_JOIN_TOKEN: joinToken,
    SELVAGE_INTERCEPTION: interception,
    SELVAGE_APP_PORTS: [...appPorts].map(pair => pair.join('=')).join(','),
    SELVAGE_INBOUND_ADDRESS: '127.0.0.1:0',
    SELVAGE_HEALTH_ADDRESS: '127.0.0.1:0',
    SELVAGE_ADMIN_PORT: '0',
    SELVAGE_HTTP_PROXY_PORT: '0',
    // Everybody is on this machine and goes at the same moment: nobody has to notice first.
    SELVAGE_DRAIN_DELAY: '0s',
    SELVAGE_DRAIN_TIMEOUT: '5s',
  }
}

function sidecarOf(proxy: RunningProxy): Sidecar {
  const { admin, httpProxy } = proxy.addresses
  return {
    adminUrl: `http://${admin}`,
    httpProxyUrl: httpProxy === undefined ? undefined : `http://${httpProxy}`,
    reaches: () => reachesOf(proxy),
    drain: () => proxy.drain(),
    stop: () => proxy.stop(),
  }
}

function reachesOf(proxy: RunningProxy): Reach[] {
  const { outbound } = proxy.addresses
  const services = proxy.snapshot()?.config.outbound ?? []
  return services.flatMap(({ service, ports }) =>
    ports.flatMap(({ port, protocol }) => reachAt(service, port, protocol, outbound[`${service}:${port}`])),
  )
}

/** A listener that could not be opened is not there; the sidecar's log and `selvage check` say why. */
function reachAt(
  service: string,
  dialPort: number,
  protocol: Protocol,
  address: string | undefined,
): Reach[] {
  if (address === undefined) return []
  const { hostname, port } = new URL(`tcp://${address}`)
  return [{ service, dialPort, protocol, host: hostname, port: Number(port) }]
}

/** What `dev` has arranged so, and what happens in every run of it. */
const EXPECTED = new Set(['state-in-memory'])

function logTo(write: (line: string) => void, verbose: boolean): Log {
  const say = (level: string) => (fields: LogFields, message: string) => {
    if (verbose || !EXPECTED.has(fields.event)) write(`sidecar ${level}: ${message}`)
  }
  const quiet = () => undefined
  return {
    debug: quiet,
    info: verbose ? say('info') : quiet,
    warn: say('warning'),
    error: say('error'),
  }
}
