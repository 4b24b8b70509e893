import type { Clock, Random } from '../mesh/clock.ts'
import { type RunningProxy, readSettings, silentLog, startProxy } from '../proxy/index.ts'
import type { ServedApp } from './app.ts'

/** One endpoint of a workload: a sidecar, and the app beside it. */
export interface TestSidecar {
  readonly workload: string
  readonly app: ServedApp | undefined
  readonly proxy: RunningProxy
}

export interface SidecarOptions {
  readonly mesh: string
  readonly workload: string
  readonly instance: string
  /** Where the document says that the app listens. */
  readonly targetPorts: readonly number[]
  readonly app: ServedApp | undefined
  readonly controlUrl: string
  readonly joinToken: string
  readonly clock: Clock | undefined
  readonly random: Random | undefined
}

/** Binds free ports of loopback; the sidecar is not ready yet when the promise resolves. */
export async function startSidecar(options: SidecarOptions): Promise<TestSidecar> {
  const { mesh, workload, instance, targetPorts, app, controlUrl, joinToken, clock, random } = options
  const settings = readSettings({
    SELVAGE_MESH: mesh,
    SELVAGE_WORKLOAD: workload,
    SELVAGE_INSTANCE: instance,
    SELVAGE_CONTROL_URL: controlUrl,
    SELVAGE_JOIN_TOKEN: joinToken,
    SELVAGE_INTERCEPTION: 'explicit',
    SELVAGE_APP_PORTS: app === undefined ? '' : targetPorts.map(port => `${port}=${app.port}`).join(','),
    SELVAGE_INBOUND_ADDRESS: '127.0.0.1:0',
    SELVAGE_HEALTH_ADDRESS: '127.0.0.1:0',
    SELVAGE_ADMIN_PORT: '0',
  })
  const proxy = await startProxy(settings, {
    log: silentLog,
    output: { pendingBytes: 0, write: () => undefined, flush: async () => undefined },
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  })
  return { workload, app, proxy }
}
