/** What the admin endpoints show of a proxy. */
import { createHash, X509Certificate } from 'node:crypto'
import type { Clock } from '../../mesh/clock.ts'
import type { ControlClient } from '../config/control-client.ts'
import type { Snapshots } from '../config/snapshots.ts'
import type { DataPlane } from '../data-plane.ts'
import type { Identity } from '../identity/identity.ts'
import type { Registration } from '../registration.ts'
import type { Settings } from '../settings.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { AdminSubject } from './admin.ts'
import { findBypasses } from './bypass.ts'
import { type CheckReport, checkReport } from './check.ts'
import type { Readiness } from './health.ts'

export interface SubjectParts {
  readonly settings: Settings
  readonly clock: Clock
  readonly registry: MetricsRegistry
  readonly plane: DataPlane
  readonly snapshots: Snapshots
  readonly client: ControlClient | undefined
  readonly registration: Registration | undefined
  readonly readiness: () => Readiness
  /** Every open listener by name: where it is. */
  readonly listeners: () => unknown
  readonly drain: () => void
}

export const adminSubject = (its: SubjectParts): AdminSubject => ({
  readiness: its.readiness,
  metrics: () => its.registry.expose(),
  stats: () => its.registry.stats(),
  snapshot: () => shownSnapshot(its.snapshots),
  clusters: () => its.plane.clusters.status(),
  certificates: () => its.plane.contexts.identity && shownIdentity(its.plane.contexts.identity),
  listeners: its.listeners,
  check: () => check(its),
  drain: its.drain,
})

function shownSnapshot({ current, appliedAtMs, refusal }: Snapshots): unknown {
  if (current === undefined) return undefined
  const { configHash, endpointsHash, snapshot } = current
  return { configHash, endpointsHash, appliedAt: iso(appliedAtMs), refused: refusal ?? null, ...snapshot }
}

function shownIdentity({ spiffeId, serialNumber, notBeforeMs, notAfterMs, trustBundle }: Identity): unknown {
  return {
    spiffeId,
    serialNumber,
    notBefore: iso(notBeforeMs),
    notAfter: iso(notAfterMs),
    trustBundle: trustBundle.map(pem => {
      const { subject, validToDate, raw } = new X509Certificate(pem)
      const sha256 = createHash('sha256').update(raw).digest('hex')
      return { subject, notAfter: validToDate.toISOString(), sha256 }
    }),
  }
}

async function check(its: SubjectParts): Promise<CheckReport> {
  const { settings, clock, plane, snapshots, client, registration } = its
  const apps = plane.probe.status()
  const answers = (plane.inForce.config?.inbound.length ?? 0) > 0
  const ports = apps.map(({ port }) => port)
  return checkReport({
    workload: settings.workload,
    nowMs: clock.now(),
    identity: plane.contexts.identity,
    snapshot: snapshots.current,
    appliedAtMs: snapshots.appliedAtMs,
    refusal: snapshots.refusal,
    apps,
    registration: answers ? registration?.standing : undefined,
    clockSkewMs: client?.clockSkewMs,
    listenErrors: plane.outbound.listeners.errors,
    bypasses: await findBypasses(ports, clock),
  })
}

const iso = (ms: number): string => new Date(ms).toISOString()
