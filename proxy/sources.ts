/** Where this proxy's snapshots and certificates come from, by its settings. */
import type { Clock, Random } from '../mesh/clock.ts'
import type { ConfigSource } from './config/config-source.ts'
import { ControlConfig, type ControlConfigOptions } from './config/control-api.ts'
import type { ControlClient } from './config/control-client.ts'
import { FileConfig } from './config/file.ts'
import { ControlIdentity } from './identity/control-api.ts'
import { FileIdentity } from './identity/files.ts'
import type { IdentitySource } from './identity/identity-source.ts'
import type { Settings } from './settings.ts'
import type { StateDir } from './state-dir.ts'
import type { Log } from './telemetry/log.ts'

export interface SourceOptions {
  readonly settings: Settings
  /** Undefined: there is no control plane. */
  readonly client: ControlClient | undefined
  readonly state: StateDir
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly report: ControlConfigOptions['report']
}

/** Throws an `Error` when the settings name no source; `readSettings` sees to it that they do. */
export function configSourceOf({ settings, client, ...its }: SourceOptions): ConfigSource {
  const { configFile: file, mesh, workload } = settings
  if (file !== undefined) return new FileConfig({ file, ...its })
  if (client !== undefined) return new ControlConfig({ client, mesh, workload, ...its })
  throw new Error('there is nowhere to get a snapshot from: set SELVAGE_CONTROL_URL or SELVAGE_CONFIG_FILE')
}

/** Throws as `configSourceOf` does. */
export function identitySourceOf({ settings, client, ...its }: SourceOptions): IdentitySource {
  const { identityDir: directory, mesh, workload, control } = settings
  if (directory !== undefined) return new FileIdentity({ directory, ...its })
  if (client !== undefined) {
    return new ControlIdentity({ client, mesh, workload, joinToken: control?.joinToken, ...its })
  }
  throw new Error(
    'there is nowhere to get a certificate from: set SELVAGE_CONTROL_URL or SELVAGE_IDENTITY_DIR',
  )
}
