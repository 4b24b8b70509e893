/**
 * Asks endpoints actively whether they are well, over the same connections as requests: an HTTP check goes
 * through the peer's sidecar to its app, a TCP check asks for a connection.
 */
import type { Clock, Random, Timer } from '../../mesh/clock.ts'
import type { HealthCheck as HealthCheckPolicy } from '../../mesh/policy/health-check.ts'
import { HEADER_REASON } from '../../mesh/protocol.ts'
import { discard, EMPTY_BODY } from '../body.ts'
import { Failure } from '../failure.ts'
import { HeaderBlock } from '../header-block.ts'
import type { OutgoingRequest } from '../message.ts'
import type { Connector } from './connector.ts'
import type { DialPort } from './dial-port.ts'
import type { Endpoint } from './endpoint.ts'

/** `silent`: the answer says nothing about the app (its sidecar refused us by a rule). */
export type ProbeResult = 'passed' | 'failed' | 'silent'

export type Probe = (endpoint: Endpoint, policy: HealthCheckPolicy) => Promise<ProbeResult>

/** Part of the interval by which checks are spread, so that a fleet does not ask in one breath. */
const JITTER = 0.1

export interface HealthCheckerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly policy: HealthCheckPolicy
  readonly probe: Probe
  /** `endpoint.healthy` changed. */
  readonly onChange: (endpoint: Endpoint) => void
  readonly onResult: (result: ProbeResult) => void
}

/** The checks of one workload: one loop for each endpoint. */
export class HealthChecker {
  policy: HealthCheckPolicy
  private readonly options: HealthCheckerOptions
  private readonly loops = new Map<Endpoint, CheckLoop>()

  constructor(options: HealthCheckerOptions) {
    this.options = options
    this.policy = options.policy
  }

  /** Counts of endpoints that stay are kept. */
  watch(endpoints: Iterable<Endpoint>): void {
    const wanted = new Set(endpoints)
    for (const [endpoint, loop] of this.loops) {
      if (wanted.has(endpoint)) continue
      loop.stop()
      this.loops.delete(endpoint)
    }
    for (const endpoint of wanted) {
      if (!this.loops.has(endpoint)) this.loops.set(endpoint, new CheckLoop(endpoint, this, this.options))
    }
  }

  /** Resolves when every endpoint has been asked once. */
  async firstRound(): Promise<void> {
    await Promise.all([...this.loops.values()].map(({ first }) => first))
  }

  /** Nobody asks any more: endpoints count as well again. */
  close(): void {
    for (const [endpoint, loop] of this.loops) {
      loop.stop()
      endpoint.healthy = true
    }
    this.loops.clear()
  }
}

class CheckLoop {
  /** Resolves with the first result, or when the loop is stopped before. */
  readonly first: Promise<void>
  private resolveFirst: () => void = () => {}
  private readonly endpoint: Endpoint
  private readonly checker: HealthChecker
  private readonly options: HealthCheckerOptions
  private asked = false
  /** Results in a row that speak against what we hold of the endpoint now. */
  private contrary = 0
  private timer: Timer | undefined
  private stopped = false

  constructor(endpoint: Endpoint, checker: HealthChecker, options: HealthCheckerOptions) {
    this.endpoint = endpoint
    this.checker = checker
    this.options = options
    this.first = new Promise(resolve => {
      this.resolveFirst = resolve
    })
    void this.check()
  }

  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    this.resolveFirst()
  }

  private async check(): Promise<void> {
    const result = await this.options.probe(this.endpoint, this.checker.policy)
    if (this.stopped) return
    this.options.onResult(result)
    if (result !== 'silent') this.take(result === 'passed')
    this.resolveFirst()
    const spread = 1 + JITTER * (2 * this.options.random.next() - 1)
    this.timer = this.options.clock.after(this.checker.policy.intervalMs * spread, () => void this.check())
  }

  /** The first result decides alone; after that it takes as many in a row as the policy says. */
  private take(passed: boolean): void {
    const isFirst = !this.asked
    this.asked = true
    if (passed === this.endpoint.healthy) {
      this.contrary = 0
      return
    }
    this.contrary++
    const { healthyThreshold, unhealthyThreshold } = this.checker.policy
    if (!isFirst && this.contrary < (passed ? healthyThreshold : unhealthyThreshold)) return
    this.contrary = 0
    this.endpoint.healthy = passed
    this.options.onChange(this.endpoint)
  }
}

/** Checks over real connections. `portOf`: what to ask the peer's sidecar for; undefined: nothing can be asked. */
export const networkProbe =
  (connector: Connector, clock: Clock, portOf: () => DialPort | undefined): Probe =>
  async (endpoint, policy) => {
    const port = portOf()
    if (port === undefined) return 'silent'
    try {
      return policy.protocol === 'http'
        ? await askHttp(endpoint, port, policy, clock)
        : await askTcp(endpoint, port, policy, connector)
    } catch {
      return 'failed'
    }
  }

async function askHttp(
  endpoint: Endpoint,
  port: DialPort,
  policy: HealthCheckPolicy,
  clock: Clock,
): Promise<ProbeResult> {
  const request = new CheckRequest(port.host, policy.path)
  // Until the last byte: an answer that stands still must not keep its connection.
  const timer = clock.after(policy.timeoutMs, () => request.cancel())
  request.whenOver = () => timer.cancel()
  try {
    const lease = await endpoint.pool(port).acquire(request, policy.timeoutMs)
    if (request.cancelled) {
      lease.release()
      return 'failed'
    }
    const { status, headers, body } = await lease.send(request)
    const refusedByRule = status === 403 && headers.has(HEADER_REASON)
    discard(body)
    if (refusedByRule) return 'silent'
    return status >= 200 && status < 300 ? 'passed' : 'failed'
  } catch (error) {
    timer.cancel()
    throw error
  }
}

async function askTcp(
  endpoint: Endpoint,
  port: DialPort,
  policy: HealthCheckPolicy,
  connector: Connector,
): Promise<ProbeResult> {
  const transport = await connector.open(endpoint.destination(port), policy.timeoutMs)
  transport.destroy()
  return 'passed'
}

const TOO_LATE = new Failure('per-try-timeout', 'the health check was not answered in time')

class CheckRequest implements OutgoingRequest {
  readonly method = 'GET'
  readonly scheme = 'http'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly headers = HeaderBlock.EMPTY
  readonly edits = undefined
  readonly body = EMPTY_BODY
  onCancel: ((failure: Failure) => void) | undefined = undefined
  cancelled = false
  whenOver: () => void = () => {}

  constructor(host: string, target: string) {
    const mark = target.indexOf('?')
    this.authority = host
    this.path = mark === -1 ? target : target.slice(0, mark)
    this.query = mark === -1 ? '' : target.slice(mark + 1)
  }

  cancel(): void {
    this.cancelled = true
    this.onCancel?.(TOO_LATE)
  }

  onEnd(): void {
    this.whenOver()
  }
}
