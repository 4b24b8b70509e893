/**
 * The certificate from the control plane: a join token and a signing request give the first one, that one gives
 * the next. Renewed at half life with jitter; when that fails the certificate stays, and it is tried again.
 */
import type { Clock, Random, Timer } from '../../mesh/clock.ts'
import { issuedCertificateSchema, paths, workloadOf } from '../../mesh/protocol.ts'
import { backoffMs } from '../config/backoff.ts'
import type { ControlClient } from '../config/control-client.ts'
import { ControlError } from '../config/control-client.ts'
import type { StateDir } from '../state-dir.ts'
import type { Log } from '../telemetry/log.ts'
import { createKeyAndRequest } from './csr.ts'
import { type Identity, readIdentity } from './identity.ts'
import { IdentityRefused, type IdentitySource } from './identity-source.ts'
import { keepIdentity, keptIdentity } from './kept-identity.ts'

export interface ControlIdentityOptions {
  readonly client: ControlClient
  readonly mesh: string
  readonly workload: string
  /** Undefined: only a kept certificate can be used. */
  readonly joinToken: string | undefined
  readonly state: StateDir
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const FIRST_BACKOFF = { baseMs: 250, maxMs: 10_000 }
const RENEWAL_BACKOFF = { baseMs: 1000, maxMs: 300_000 }
/** Renewals of certificates that were issued together must not come together: ±5 % of the lifetime. */
const JITTER_SHARE = 0.1

export class ControlIdentity implements IdentitySource {
  private readonly options: ControlIdentityOptions

  constructor(options: ControlIdentityOptions) {
    this.options = options
  }

  watch(accept: (identity: Identity) => void, giveUp: (reason: Error) => void): () => void {
    const life = new IdentityLife(this.options, accept, giveUp)
    life.begin()
    return () => life.stop()
  }
}

class IdentityLife {
  private readonly options: ControlIdentityOptions
  private readonly accept: (identity: Identity) => void
  private readonly giveUp: (reason: Error) => void
  private current: Identity | undefined
  private failures = 0
  private timer: Timer | undefined
  private stopped = false

  constructor(
    options: ControlIdentityOptions,
    accept: (identity: Identity) => void,
    giveUp: (reason: Error) => void,
  ) {
    this.options = options
    this.accept = accept
    this.giveUp = giveUp
  }

  begin(): void {
    const { state, clock, workload, log, joinToken } = this.options
    const kept = keptIdentity(state, workload, clock.now(), log)
    if (kept !== undefined) this.use(kept)
    else if (joinToken !== undefined) void this.obtain()
    else {
      const why = `workload ${workload} has no certificate that is valid now, and no join token to ask for one`
      this.giveUp(new IdentityRefused(`${why}: set SELVAGE_JOIN_TOKEN or SELVAGE_JOIN_TOKEN_FILE`))
    }
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
  }

  private use(identity: Identity): void {
    this.current = identity
    this.failures = 0
    this.options.client.identify(identity)
    this.accept(identity)
    this.again(this.untilRenewal(identity))
  }

  private again(delayMs: number): void {
    if (!this.stopped) this.timer = this.options.clock.after(delayMs, () => void this.obtain())
  }

  private untilRenewal({ notBeforeMs, notAfterMs }: Identity): number {
    const lifeMs = notAfterMs - notBeforeMs
    const jitterMs = (this.options.random.next() - 0.5) * JITTER_SHARE * lifeMs
    return Math.max(0, notBeforeMs + lifeMs / 2 + jitterMs - this.options.clock.now())
  }

  private async obtain(): Promise<void> {
    try {
      const identity = await this.request()
      if (this.stopped) return
      const { spiffeId, serialNumber, notAfterMs } = identity
      const until = new Date(notAfterMs).toISOString()
      this.options.log.info(
        { event: 'certificate', spiffeId, serialNumber, notAfter: until },
        `certificate of ${spiffeId} until ${until}`,
      )
      await keepIdentity(this.options.state, identity, this.options.log)
      if (!this.stopped) this.use(identity)
    } catch (error) {
      if (!this.stopped) this.failed(error as Error)
    }
  }

  /** The key is made here and goes nowhere. */
  private async request(): Promise<Identity> {
    const { client, mesh, workload, joinToken } = this.options
    const { csrPem, privateKeyPem } = await createKeyAndRequest()
    const call = { method: 'POST', path: paths.certificate(mesh, workload), body: { csr: csrPem } } as const
    const first = this.current === undefined && joinToken !== undefined
    const answer = first ? await client.callWithToken(call, joinToken) : await client.call(call)
    const issued = issuedCertificateSchema.parse(JSON.parse(answer.text))
    const identity = readIdentity(issued.certificate, privateKeyPem, issued.trustBundle)
    if (workloadOf(identity.trustDomain, identity.spiffeId) !== workload) {
      throw new Error(
        `the control plane gave a certificate of ${identity.spiffeId}, expected one of workload ${workload}`,
      )
    }
    return identity
  }

  private failed(error: Error): void {
    const { log, random } = this.options
    const { current } = this
    this.failures++
    const retryAfterMs = error instanceof ControlError ? error.retryAfterMs : 0
    if (current === undefined) {
      if (error instanceof ControlError && error.refused) {
        this.giveUp(new IdentityRefused(`no certificate: ${error.message}`))
        return
      }
      log.warn({ event: 'certificate-failed', reason: error.message }, `no certificate yet: ${error.message}`)
      this.again(Math.max(retryAfterMs, backoffMs(this.failures, FIRST_BACKOFF, random)))
      return
    }
    const notAfter = new Date(current.notAfterMs).toISOString()
    const fields = { event: 'certificate-renewal-failed', reason: error.message, notAfter }
    log.error(fields, `the certificate was not renewed and ends at ${notAfter}: ${error.message}`)
    this.again(Math.max(retryAfterMs, backoffMs(this.failures, RENEWAL_BACKOFF, random)))
  }
}
