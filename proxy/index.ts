/** The sidecar as a library: `selvage/proxy`. */
export type { Clock, Random, Timer } from '../mesh/clock.ts'
export type { CheckReport, Finding } from './admin/check.ts'
export type { ConfigSink, ConfigSource, VersionedSnapshot } from './config/config-source.ts'
export { MemoryConfig } from './config/memory.ts'
export { type Identity, readIdentity, splitPem } from './identity/identity.ts'
export { IdentityRefused, type IdentitySource } from './identity/identity-source.ts'
export { MemoryIdentity } from './identity/memory.ts'
export { ListenError } from './listener/listen.ts'
export { type ProxyAddresses, type ProxyOptions, type RunningProxy, startProxy } from './proxy.ts'
export {
  type HostPort,
  type Limits,
  readSettings,
  type Settings,
  SettingsError,
  VARIABLES,
} from './settings.ts'
export { type Log, type LogFields, silentLog } from './telemetry/log.ts'
export type { LineOutput } from './telemetry/output.ts'
