/**
 * The control API as a proxy sees it: HTTPS with the workload's own certificate, to a server that proves to be the
 * control plane of this trust domain.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { Agent, type RequestOptions } from 'node:https'
import type { PeerCertificate } from 'node:tls'
import type { Clock } from '../../mesh/clock.ts'
import {
  bearer,
  controlPlaneId,
  parseJoinToken,
  paths,
  problemSchema,
  trustSchema,
} from '../../mesh/protocol.ts'
import type { Identity } from '../identity/identity.ts'
import { EventStreamParser, type ServerSentEvent } from './event-stream.ts'
import { callHttps, type HttpsAnswer, type HttpsCall, openHttps, readText } from './https.ts'

export interface ControlCall {
  readonly method: HttpsCall['method']
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/** A call that did not get what it asked for, as one sentence for the log. */
export class ControlError extends Error {
  /** 0: there was no answer. */
  readonly status: number
  /** The server asked not to be asked again before this. */
  readonly retryAfterMs: number

  constructor(message: string, status = 0, retryAfterMs = 0) {
    super(message)
    this.name = 'ControlError'
    this.status = status
    this.retryAfterMs = retryAfterMs
  }

  /** Asking again will not help until somebody changes something. */
  get refused(): boolean {
    return this.status === 401 || this.status === 403
  }
}

export class ControlClient {
  readonly url: URL
  /** How far our clock is ahead of the control plane's, by its last answer; undefined: there was none yet. */
  clockSkewMs: number | undefined
  private readonly clock: Clock
  private identity: Identity | undefined
  private tls: RequestOptions | undefined

  constructor(url: URL, clock: Clock) {
    this.url = url
    this.clock = clock
  }

  /** From now on calls carry this certificate; what is under way ends with the old one. */
  identify(identity: Identity): void {
    if (identity === this.identity) return
    this.identity = identity
    this.tls = {
      agent: newAgent(),
      ...trusting(identity.trustBundle, identity.trustDomain),
      cert: identity.certificatePem,
      key: identity.privateKeyPem,
    }
  }

  /** Resolves with an answer below 400; rejects with a `ControlError` otherwise. */
  async call(call: ControlCall): Promise<HttpsAnswer> {
    return this.exchange(call, this.identified(), {})
  }

  /**
   * Calls with a join token, over a connection that is pinned to the authority that the token names. Nothing
   * secret is sent before that is proven.
   */
  async callWithToken(call: ControlCall, joinToken: string): Promise<HttpsAnswer> {
    const { mesh, caSha256 } = parseJoinToken(joinToken)
    const trust = await this.pinnedTrust(mesh, caSha256)
    return this.exchange(call, trust, { authorization: bearer(joinToken) })
  }

  /**
   * Reads a stream of events until it ends or `signal` aborts it. `opened` runs when the stream is there.
   * Rejects with a `ControlError` when it could not be opened or broke.
   */
  async stream(
    path: string,
    signal: AbortSignal,
    opened: () => void,
    event: (event: ServerSentEvent) => void,
  ): Promise<void> {
    const headers = { accept: 'text/event-stream' }
    const call = {
      method: 'GET',
      url: new URL(path, this.url),
      headers,
      body: undefined,
      tls: this.identified(),
    } as const
    try {
      const response = await openHttps(call, signal)
      if (response.statusCode !== 200) {
        throw this.refusal({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: await readText(response),
        })
      }
      // Half-open connections are found by the kernel: the stream may be silent for as long as nothing changes.
      response.socket.setKeepAlive(true, 15_000)
      opened()
      const parser = new EventStreamParser(event)
      response.setEncoding('utf8')
      for await (const chunk of response) parser.push(chunk as string)
    } catch (error) {
      throw this.unreachable(error)
    }
  }

  private identified(): RequestOptions {
    if (this.tls === undefined)
      throw new ControlError('there is no certificate yet to call the control plane with')
    return this.tls
  }

  private async exchange(
    { method, path, headers = {}, body }: ControlCall,
    tls: RequestOptions,
    authorization: Readonly<Record<string, string>>,
  ): Promise<HttpsAnswer> {
    const json = body === undefined ? undefined : JSON.stringify(body)
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    const all = { accept: 'application/json', ...type, ...headers, ...authorization }
    let answer: HttpsAnswer
    try {
      answer = await callHttps({ method, url: new URL(path, this.url), headers: all, body: json, tls })
    } catch (error) {
      throw this.unreachable(error)
    }
    this.compareClocks(answer)
    if (answer.status >= 400) throw this.refusal(answer)
    return answer
  }

  /** Asks an unproven server for its authorities and believes only the one with the right fingerprint. */
  private async pinnedTrust(mesh: string, caSha256: string): Promise<RequestOptions> {
    const answer = await this.exchange(
      { method: 'GET', path: paths.trust(mesh) },
      { rejectUnauthorized: false },
      {},
    )
    const trust = trustSchema.safeParse(parseJson(answer.text))
    if (!trust.success) throw new ControlError(`${this.url.origin} does not answer as a control plane`)
    const root = trust.data.roots.find(
      ({ certificate }) => fingerprint(certificate) === caSha256.toLowerCase(),
    )
    if (root === undefined) {
      const why = `none of its authorities has the SHA-256 ${caSha256} that the join token names`
      throw new ControlError(`${this.url.origin} is not the control plane expected: ${why}`, 403)
    }
    return trusting([root.certificate], trust.data.trustDomain)
  }

  private compareClocks({ headers }: HttpsAnswer): void {
    const theirs = Date.parse(headers.date ?? '')
    if (Number.isFinite(theirs)) this.clockSkewMs = this.clock.now() - theirs
  }

  private refusal({ status, headers, text }: HttpsAnswer): ControlError {
    const problem = problemSchema.safeParse(parseJson(text))
    const detail = problem.success ? problem.data.detail || problem.data.title : text.slice(0, 200)
    const seconds = Number(headers['retry-after'] ?? 0)
    const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
    return new ControlError(
      `the control plane at ${this.url.origin} answered ${status}: ${detail}`,
      status,
      retryAfterMs,
    )
  }

  private unreachable(error: unknown): ControlError {
    if (error instanceof ControlError) return error
    return new ControlError(`the control plane at ${this.url.origin} cannot be reached: ${reasonOf(error)}`)
  }
}

/** Without cached sessions: on a resumed one Node does not call `checkServerIdentity`. */
const newAgent = (): Agent => new Agent({ keepAlive: true, maxSockets: 4, maxCachedSessions: 0 })

const trusting = (roots: readonly string[], trustDomain: string): RequestOptions => ({
  ca: [...roots],
  minVersion: 'TLSv1.3',
  checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
    checkControlPlane(certificate, trustDomain),
})

function checkControlPlane(certificate: PeerCertificate, trustDomain: string): Error | undefined {
  const expected = controlPlaneId(trustDomain)
  const names = (certificate.subjectaltname ?? '').split(', ')
  return names.includes(`URI:${expected}`)
    ? undefined
    : new Error(`its certificate is for ${certificate.subjectaltname ?? 'nobody'}, expected ${expected}`)
}

function fingerprint(pem: string): string | undefined {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')
  } catch {
    return undefined
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Node wraps what happened on several addresses into one error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
