/** Numbers about the proxy itself. */
import type { Snapshots } from '../config/snapshots.ts'
import type { SecureContexts } from '../identity/secure-contexts.ts'
import type { MetricsRegistry } from './metrics.ts'

/** When certificate and snapshot began and end, for alarms; and how large the process is. */
export function observeOwnNumbers(
  registry: MetricsRegistry,
  contexts: SecureContexts,
  snapshots: Snapshots,
): void {
  registry.observedGauge(
    'selvage_certificate_not_after_seconds',
    'When the certificate ends, seconds since the epoch; 0: there is none.',
    () => (contexts.identity?.notAfterMs ?? 0) / 1000,
  )
  registry.observedGauge(
    'selvage_snapshot_applied_seconds',
    'When the snapshot in force was applied, seconds since the epoch; 0: there is none.',
    () => snapshots.appliedAtMs / 1000,
  )
  registry.observedGauge(
    'selvage_snapshot_refused',
    '1 while the newest snapshot is refused and an older one is in force.',
    () => (snapshots.refusal === undefined ? 0 : 1),
  )
  registry.observedGauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
}
