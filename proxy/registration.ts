/**
 * The endpoint in the control plane's registry: there only while this sidecar can serve, renewed at a third of the
 * lease together with the proxy's report, and taken out first of all when the proxy goes away.
 */
import type { Clock, Random, Timer } from '../mesh/clock.ts'
import { type ProxyReport, paths, type RegistrationBody, registeredSchema } from '../mesh/protocol.ts'
import { backoffMs } from './config/backoff.ts'
import { type ControlClient, ControlError } from './config/control-client.ts'
import type { Log } from './telemetry/log.ts'

export interface RegistrationOptions {
  readonly client: ControlClient
  readonly mesh: string
  readonly workload: string
  readonly endpoint: string
  readonly address: string
  readonly leaseSeconds: number
  readonly zone: string | undefined
  readonly versionLabel: string | undefined
  /** Where other sidecars connect. */
  readonly port: () => number
  readonly report: () => ProxyReport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * `absent`: never announced. `draining` keeps what it has and gets nothing new: for an app that is gone, because a
 * registration that was taken out is final for this process.
 */
export type Standing = 'absent' | 'healthy' | 'draining'

const BACKOFF = { baseMs: 200, maxMs: 5000 }
const LEAVE_TIMEOUT_MS = 2000
/** A report that says something new goes out within this time; what changes meanwhile goes with it. */
const REPORT_WITHIN_MS = 100
const GONE = 410

export class Registration {
  private readonly options: RegistrationOptions
  private wanted: Standing = 'absent'
  private announced: Standing = 'absent'
  private leaseSeconds: number
  private startedAtMs: number
  private failures = 0
  private sending = false
  private left = false
  /** Something happened that no report has said yet. */
  private unreported = false
  private timer: Timer | undefined

  constructor(options: RegistrationOptions) {
    this.options = options
    this.leaseSeconds = options.leaseSeconds
    this.startedAtMs = Math.floor(options.clock.now())
  }

  /** What the control plane knows. */
  get standing(): Standing {
    return this.announced
  }

  /** How callers should see this endpoint. An endpoint that was never announced does not begin as draining. */
  want(standing: 'healthy' | 'draining'): void {
    if (standing === 'draining' && this.wanted === 'absent') return
    if (this.wanted === standing || this.left) return
    this.wanted = standing
    this.renew()
  }

  /** The report says something new, such as a snapshot in force: it does not wait for the next renewal. */
  reportSoon(): void {
    if (this.wanted === 'absent' || this.left || this.unreported) return
    this.unreported = true
    // Under way: `send` sees to it. Failing: the next try is planned, and carries the newest report.
    if (!this.sending && this.failures === 0) this.plan()
  }

  /** Takes the endpoint out; resolves when the control plane knows or does not answer. Nothing is renewed after. */
  async leave(): Promise<void> {
    this.left = true
    this.timer?.cancel()
    if (this.announced === 'absent' && !this.sending) return
    const { client, mesh, workload, endpoint, log, clock } = this.options
    const call = client.call({ method: 'DELETE', path: paths.endpoint(mesh, workload, endpoint) })
    const timeout = Promise.withResolvers<string>()
    const timer = clock.after(LEAVE_TIMEOUT_MS, () => timeout.resolve('it does not answer'))
    const reason = await Promise.race([
      timeout.promise,
      call.then(
        () => undefined,
        (error: Error) => error.message,
      ),
    ])
    timer.cancel()
    if (reason === undefined)
      log.info({ event: 'deregistered', endpoint }, `endpoint ${endpoint} is deregistered`)
    else
      log.warn(
        { event: 'deregistration-failed', reason },
        `the endpoint's lease runs out by itself: ${reason}`,
      )
  }

  private renew(): void {
    this.timer?.cancel()
    this.timer = undefined
    if (!this.sending && !this.left) void this.send()
  }

  private async send(): Promise<void> {
    const { wanted } = this
    if (wanted === 'absent') return
    this.sending = true
    this.unreported = false
    try {
      await this.put(wanted)
      this.succeeded(wanted)
    } catch (error) {
      this.failed(error as Error)
    } finally {
      this.sending = false
    }
    if (this.left) return
    if (this.failures === 0 && this.wanted !== this.announced) this.renew()
    else this.plan()
  }

  private plan(): void {
    this.timer?.cancel()
    this.timer = this.options.clock.after(this.untilNextMs(), () => this.renew())
  }

  private async put(health: 'healthy' | 'draining'): Promise<void> {
    const { client, mesh, workload, endpoint, address, zone, versionLabel, port, report } = this.options
    const body: RegistrationBody = {
      address,
      port: port(),
      ...(zone === undefined ? {} : { zone }),
      ...(versionLabel === undefined ? {} : { version: versionLabel }),
      health,
      leaseSeconds: this.options.leaseSeconds,
      startedAtMs: this.startedAtMs,
      report: report(),
    }
    const answer = await client.call({ method: 'PUT', path: paths.endpoint(mesh, workload, endpoint), body })
    const given = registeredSchema.safeParse(JSON.parse(answer.text))
    if (given.success) this.leaseSeconds = given.data.leaseSeconds
  }

  private succeeded(health: 'healthy' | 'draining'): void {
    const { endpoint, address, port, log } = this.options
    if (this.announced !== health) {
      const fields = { event: 'registered', endpoint, address, port: port(), health }
      log.info(fields, `endpoint ${endpoint} is registered at ${address}:${port()} as ${health}`)
    }
    this.announced = health
    this.failures = 0
  }

  private failed(error: Error): void {
    if (this.left) return
    this.failures++
    if (error instanceof ControlError && error.status === GONE) {
      // Somebody took this endpoint out, and this process still serves: it takes part again as one begun now.
      this.startedAtMs = Math.floor(this.options.clock.now())
    }
    const fields = { event: 'registration-failed', failures: this.failures, reason: error.message }
    if (this.failures === 1) this.options.log.warn(fields, `the endpoint is not registered: ${error.message}`)
    else this.options.log.debug(fields, error.message)
  }

  private untilNextMs(): number {
    const { random } = this.options
    const renewalMs = (this.leaseSeconds * 1000) / 3
    if (this.failures === 0 && this.unreported) return REPORT_WITHIN_MS * random.next()
    if (this.failures === 0) return renewalMs * (0.9 + random.next() * 0.1)
    return Math.min(renewalMs, backoffMs(this.failures, BACKOFF, random))
  }
}
