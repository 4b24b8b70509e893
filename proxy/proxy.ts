/** A proxy as a value: what it takes to start one, and what can be done with it. */
import type { Clock, Random } from '../mesh/clock.ts'
import type { Snapshot } from '../mesh/snapshot.ts'
import type { ConfigSource } from './config/config-source.ts'
import type { IdentitySource } from './identity/identity-source.ts'
import type { Settings } from './settings.ts'
import { Sidecar } from './sidecar.ts'
import type { Log } from './telemetry/log.ts'
import type { LineOutput } from './telemetry/output.ts'

/** What a proxy is built with when it is not alone in its process, or under test. */
export interface ProxyOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** For log and access log. @default standard output */
  readonly output?: LineOutput
  /** @default JSON lines to `output` */
  readonly log?: Log
  /** @default by the settings: control plane or file */
  readonly config?: ConfigSource
  /** @default by the settings: control plane or directory */
  readonly identity?: IdentitySource
}

/** Where a proxy can be reached, `host:port` each. */
export interface ProxyAddresses {
  readonly admin: string
  readonly health: string
  readonly inbound: string
  /** By `<service>:<port>`. */
  readonly outbound: Readonly<Record<string, string>>
  readonly httpProxy: string | undefined
}

export interface RunningProxy {
  /** As they are now: outbound listeners follow the snapshot. */
  readonly addresses: ProxyAddresses
  /** Resolves when it carries traffic; rejects with an `Error` when it never will. */
  ready(): Promise<void>
  /** Goes away in an orderly fashion, then stops. */
  drain(): Promise<void>
  /** Deregisters and closes everything at once. Idempotent. */
  stop(): Promise<void>
  /** In force now. */
  snapshot(): Snapshot | undefined
}

/** Binds the fixed ports and begins. Rejects with a `ListenError`, or an `Error` about the state directory. */
export async function startProxy(settings: Settings, options: ProxyOptions = {}): Promise<RunningProxy> {
  const sidecar = new Sidecar(settings, options)
  await sidecar.begin()
  return sidecar
}
