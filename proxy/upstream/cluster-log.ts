/** What is worth a line in the log about one workload as a destination. */
import type { Clock } from '../../mesh/clock.ts'
import type { Failure } from '../failure.ts'
import type { Log } from '../telemetry/log.ts'
import type { Destination } from './connector.ts'
import type { Endpoint } from './endpoint.ts'
import type { EjectionEvent } from './outlier-detection.ts'

/** A peer that cannot prove who it is needs somebody's attention; once in this time is enough. */
const DISTRUST_EVERY_MS = 10_000

export class ClusterLog {
  private readonly workload: string
  private readonly log: Log
  private readonly clock: Clock
  private distrustMs = Number.NEGATIVE_INFINITY

  constructor(workload: string, log: Log, clock: Clock) {
    this.workload = workload
    this.log = log
    this.clock = clock
  }

  /** `route`: when only the requests of one route avoid the endpoint. */
  ejection({ kind, endpoint: { id }, forMs, afterErrors }: EjectionEvent, route: string | undefined): void {
    const fields = {
      event: `endpoint-${kind}`,
      workload: this.workload,
      endpoint: id,
      route,
      forMs,
      afterErrors,
    }
    const where = `endpoint ${id} of ${this.workload}`
    if (kind === 'returned') this.log.info(fields, `${where} takes requests again`)
    else this.log.warn(fields, `${where} is ejected for ${forMs} ms after ${afterErrors} errors in a row`)
  }

  health({ id, healthy }: Endpoint): void {
    const fields = { event: 'endpoint-health', workload: this.workload, endpoint: id, healthy }
    const where = `endpoint ${id} of ${this.workload}`
    if (healthy) this.log.info(fields, `${where} is healthy again`)
    else this.log.warn(fields, `${where} fails its health checks`)
  }

  connectFailure({ code, message }: Failure, { address, port, tls }: Destination): void {
    const nowMs = this.clock.monotonic()
    if (code !== 'peer-untrusted' || nowMs - this.distrustMs < DISTRUST_EVERY_MS) return
    this.distrustMs = nowMs
    const peer = `${address}:${port}`
    const fields = { workload: this.workload, peer, expected: tls?.identity, reason: message }
    this.log.warn({ event: 'peer-untrusted', ...fields }, message)
  }
}
