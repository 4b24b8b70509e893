/**
 * One proxy: the data plane, where its configuration and its identity come from, and what it tells about itself.
 * Everything that it is lives in this value, so that one process can have many.
 */
import type { Clock, Random } from '../mesh/clock.ts'
import type { ProxyReport } from '../mesh/protocol.ts'
import type { Snapshot } from '../mesh/snapshot.ts'
import { serveAdmin } from './admin/admin.ts'
import { type Readiness, serveHealth } from './admin/health.ts'
import { adminSubject } from './admin/subject.ts'
import { systemClock, systemRandom } from './clock.ts'
import { ControlClient } from './config/control-client.ts'
import { Snapshots } from './config/snapshots.ts'
import { type DataPlane, wireDataPlane } from './data-plane.ts'
import { enforce } from './enforce.ts'
import { goAway, shutDown } from './going-away.ts'
import type { Identity } from './identity/identity.ts'
import type { IdentitySource } from './identity/identity-source.ts'
import { instanceId } from './instance.ts'
import { type ForbiddenAddress, ownAddresses } from './listener/egress-guard.ts'
import type { Listening } from './listener/listen.ts'
import type { ProxyAddresses, ProxyOptions, RunningProxy } from './proxy.ts'
import { Registration } from './registration.ts'
import type { Settings } from './settings.ts'
import { configSourceOf, identitySourceOf } from './sources.ts'
import { openStateDir, type StateDir } from './state-dir.ts'
import { AccessLog } from './telemetry/access-log.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { MetricsRegistry } from './telemetry/metrics.ts'
import { spanSinkOf } from './telemetry/otlp-spans.ts'
import { openOutput } from './telemetry/output.ts'
import { observeOwnNumbers } from './telemetry/own-numbers.ts'
import type { SpanSink } from './telemetry/span-sink.ts'
import { ownVersion } from './version.ts'

export class Sidecar implements RunningProxy {
  private readonly settings: Settings
  private readonly clock: Clock
  private readonly random: Random
  private readonly log: Log
  private readonly registry = new MetricsRegistry()
  private readonly spans: SpanSink | undefined
  private readonly state: StateDir
  private readonly client: ControlClient | undefined
  private readonly plane: DataPlane
  private readonly snapshots: Snapshots
  private readonly identities: IdentitySource
  private readonly outcome = Promise.withResolvers<void>()
  private readonly fixed = new Map<string, Listening>()
  private registration: Registration | undefined
  private endpoint = ''
  private stopIdentities: (() => void) | undefined
  private started = false
  private settled = false
  private drained: Promise<void> | undefined
  private stopped: Promise<void> | undefined

  constructor(settings: Settings, options: ProxyOptions) {
    this.settings = settings
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? systemRandom
    const { clock, random, registry } = this
    const dropped = registry.counter('selvage_log_lines_dropped_total', 'Log lines that nobody read in time.')
    const output = options.output ?? openOutput(1, clock, dropped)
    this.log = options.log ?? createLog(output, settings.logLevel)
    const { log } = this
    this.state = openStateDir(settings.stateDir)
    this.client = settings.control && new ControlClient(settings.control.url, clock)
    this.spans = spanSinkOf(
      { url: settings.otlpTracesUrl, serviceName: settings.workload, clock, log },
      registry,
    )
    this.plane = wireDataPlane({
      settings,
      clock,
      random,
      log,
      registry,
      accessLog: new AccessLog(output, dropped, () => clock.now()),
      spans: this.spans,
      forbidden: () => this.forbidden(),
      appChanged: () => this.evaluate(),
    })
    const its = {
      settings,
      client: this.client,
      state: this.state,
      clock,
      random,
      log,
      report: () => this.loneReport(),
    }
    this.identities = options.identity ?? identitySourceOf(its)
    this.snapshots = new Snapshots({
      source: options.config ?? configSourceOf(its),
      state: this.state,
      mesh: settings.mesh,
      workload: settings.workload,
      clock,
      log,
      apply: snapshot => this.apply(snapshot),
      applied: () => {
        this.registration?.reportSoon()
        this.evaluate()
      },
    })
    // Whoever does not ask is not told by a crash.
    this.outcome.promise.catch(() => {})
  }

  async begin(): Promise<void> {
    const { settings, state, log } = this
    if (state.path === undefined) {
      const message = 'no SELVAGE_STATE_DIR: certificate and snapshot are kept in memory only'
      log.warn({ event: 'state-in-memory' }, message)
    }
    this.endpoint = await instanceId(settings, state, this.random)
    this.registration = this.newRegistration()
    observeOwnNumbers(this.registry, this.plane.contexts, this.snapshots)
    try {
      await this.bind()
    } catch (error) {
      await this.stop()
      throw error
    }
    this.stopIdentities = this.identities.watch(
      identity => this.identify(identity),
      reason => this.giveUp(reason),
    )
  }

  get addresses(): ProxyAddresses {
    const at = (name: string) => this.fixed.get(name)?.address
    return {
      admin: at('admin') ?? '',
      health: at('health') ?? '',
      inbound: at('inbound') ?? '',
      outbound: Object.fromEntries(
        this.plane.outbound.listeners.status().map(({ name, address }) => [name, address]),
      ),
      httpProxy: at('http-proxy'),
    }
  }

  ready(): Promise<void> {
    return this.outcome.promise
  }

  snapshot(): Snapshot | undefined {
    return this.snapshots.current?.snapshot
  }

  drain(): Promise<void> {
    this.drained ??= this.goAway()
    return this.drained
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown()
    return this.stopped
  }

  private async bind(): Promise<void> {
    const { settings, plane } = this
    const subject = adminSubject({
      settings,
      clock: this.clock,
      registry: this.registry,
      plane,
      snapshots: this.snapshots,
      client: this.client,
      registration: this.registration,
      readiness: () => this.readiness(),
      listeners: () => this.addresses,
      drain: () => void this.drain(),
    })
    this.fixed.set('admin', await serveAdmin(settings.admin, subject))
    this.fixed.set('health', await serveHealth(settings.health, () => this.readiness()))
    this.fixed.set('inbound', await plane.inbound.listener.start())
    if (plane.outbound.proxy !== undefined) this.fixed.set('http-proxy', await plane.outbound.proxy.start())
  }

  private identify(identity: Identity): void {
    this.plane.contexts.use(identity)
    this.client?.identify(identity)
    // Without a certificate the control plane would not answer.
    if (!this.started) this.snapshots.start()
    this.started = true
    this.evaluate()
  }

  private async apply(snapshot: Snapshot): Promise<void> {
    const failed = await enforce(snapshot, this.plane, this.settings)
    // At the start a port that cannot be had ends the process; later it is tried again, and the rest goes on.
    if (failed[0] !== undefined && !this.settled) this.giveUp(failed[0])
  }

  /** Something changed that readiness or registration may depend on. */
  private evaluate(): void {
    const { ready } = this.readiness()
    if (ready && !this.settled) {
      this.settled = true
      this.outcome.resolve()
    }
    if (!this.answersForServices || this.drained !== undefined) return
    if (!this.plane.probe.up) this.registration?.want('draining')
    else if (ready) this.registration?.want('healthy')
  }

  private giveUp(reason: Error): void {
    this.settled = true
    this.log.error({ event: 'not-ready', reason: reason.message }, reason.message)
    this.outcome.reject(reason)
  }

  private readiness(): Readiness {
    const { identity } = this.plane.contexts
    const reasons: string[] = []
    if (this.drained !== undefined || this.stopped !== undefined) reasons.push('this proxy is draining')
    if (identity === undefined) reasons.push('there is no certificate yet')
    else if (identity.notAfterMs <= this.clock.now()) {
      reasons.push(`the certificate ended at ${new Date(identity.notAfterMs).toISOString()}`)
    }
    if (this.snapshots.current === undefined) reasons.push('there is no snapshot yet')
    return { ready: reasons.length === 0, reasons }
  }

  private get answersForServices(): boolean {
    return (this.plane.inForce.config?.inbound.length ?? 0) > 0
  }

  private report(): ProxyReport {
    const { current, refusal } = this.snapshots
    const { identity } = this.plane.contexts
    return {
      version: ownVersion(),
      ...(current && { configHash: current.configHash, endpointsHash: current.endpointsHash }),
      ...(refusal !== undefined && { refused: refusal }),
      ...(identity && { certificateNotAfter: new Date(identity.notAfterMs).toISOString() }),
      ready: this.readiness().ready && this.plane.probe.up,
    }
  }

  /** For a workload that answers for no service: nothing registers, so the report rides on polls. */
  private loneReport() {
    return this.answersForServices || this.plane.inForce.config === undefined
      ? undefined
      : { endpoint: this.endpoint, report: this.report() }
  }

  private newRegistration(): Registration | undefined {
    const { client, settings, clock, random, log, endpoint } = this
    if (client === undefined) return undefined
    const { mesh, workload, advertiseAddress: address, leaseSeconds, zone, versionLabel } = settings
    return new Registration({
      client,
      mesh,
      workload,
      endpoint,
      address,
      leaseSeconds,
      zone,
      versionLabel,
      port: () => this.fixed.get('inbound')?.port ?? 0,
      report: () => this.report(),
      clock,
      random,
      log,
    })
  }

  private forbidden(): ForbiddenAddress[] {
    const outbound = this.plane.outbound.listeners.addresses.map(each => ['outbound', each] as const)
    return ownAddresses([...this.fixed, ...outbound], this.settings.control?.url)
  }

  private async goAway(): Promise<void> {
    const { log, plane, settings, clock } = this
    log.info({ event: 'draining' }, 'draining: deregistered, finishing what is in flight')
    await this.registration?.leave()
    const left = await goAway(plane, settings, clock)
    if (left > 0) log.warn({ event: 'drain-timeout', left }, `${left} requests and connections are cut off`)
    await this.stop()
  }

  private async shutDown(): Promise<void> {
    this.stopIdentities?.()
    if (this.drained === undefined) await this.registration?.leave()
    await this.snapshots.stop()
    shutDown(this.plane)
    for (const listening of this.fixed.values()) listening.close()
    await this.spans?.close()
    if (!this.settled) this.outcome.reject(new Error('the proxy was stopped before it was ready'))
    this.log.info({ event: 'stopped' }, 'stopped')
  }
}
