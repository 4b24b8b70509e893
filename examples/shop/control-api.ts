/**
 * The operator's side of the demo: it talks to the control API as any program may (`GET /v1/openapi.json`).
 * The API's certificate comes from the mesh's own authority, so the first connection asks for the roots and believes
 * only the one whose SHA-256 stands in `operator.json`.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'

/** What the control plane leaves in its state directory for the operator. */
interface OperatorFile {
  readonly url: string
  readonly mesh: string
  readonly token: string
  readonly caSha256: string
}

interface History {
  readonly entries: readonly { readonly revision: number; readonly at: string }[]
}

interface Answer {
  readonly status: number
  readonly body: string
}

const TIMEOUT_MS = 10_000
/** The one that `selvage apply` writes, too. */
const FRAGMENT = 'mesh'

export interface Accepted {
  readonly revision: number
  /** Allocated loopback address of each service. */
  readonly addresses: Readonly<Record<string, string>>
}

export interface ControlApi {
  readonly url: string
  /** PEM of the authority's root. */
  readonly root: string
  /** Where an operator finds all this again. */
  readonly operatorFile: string
  /**
   * Publishes the mesh.
   * @throws when the control plane refuses it, with its reason
   */
  publish(document: unknown): Promise<Accepted>
  /** When it accepted a revision, in milliseconds since the epoch. */
  acceptedAtMs(revision: number): Promise<number>
  joinToken(workload: string): Promise<string>
}

export async function openControlApi(operatorFile: string): Promise<ControlApi> {
  const operator = JSON.parse(readFileSync(operatorFile, 'utf8')) as OperatorFile
  const mesh = `/v1/meshes/${encodeURIComponent(operator.mesh)}`
  const { root, trustDomain } = await pinnedTrust(operator, mesh)
  const expected = `URI:spiffe://${trustDomain}/control-plane`
  const agent = new Agent({
    keepAlive: true,
    ca: root,
    checkServerIdentity: (_host, { subjectaltname }) =>
      subjectaltname?.split(', ').includes(expected)
        ? undefined
        : new Error(`the control plane shows "${subjectaltname}", expected "${expected}"`),
  })
  const ask = async <T>(
    method: string,
    path: string,
    body: unknown,
    conditions: Record<string, string> = {},
  ): Promise<T> => {
    const answer = await send(agent, operator, method, mesh + path, body, conditions)
    if (answer.status >= 300) {
      throw new Error(`control plane: ${method} ${path} was answered ${answer.status}: ${answer.body}`)
    }
    return JSON.parse(answer.body) as T
  }
  let seen: number | undefined
  return {
    url: operator.url,
    root,
    operatorFile,
    async publish(document) {
      // What is there is changed only by who says which revision they have seen.
      const condition: Record<string, string> = seen === undefined ? {} : { 'if-match': `"${seen}"` }
      const accepted = await ask<Accepted>('PUT', `/fragments/${FRAGMENT}`, document, condition)
      seen = accepted.revision
      return accepted
    },
    async acceptedAtMs(revision) {
      const { entries } = await ask<History>('GET', '/history', undefined)
      const entry = entries.find(each => each.revision === revision)
      if (entry === undefined) throw new Error(`the control plane has no revision ${revision} in its history`)
      return Date.parse(entry.at)
    },
    joinToken: async workload =>
      (await ask<{ token: string }>('POST', '/join-tokens', { workload, ttlSeconds: 600 })).token,
  }
}

interface Trust {
  readonly root: string
  readonly trustDomain: string
}

async function pinnedTrust(operator: OperatorFile, mesh: string): Promise<Trust> {
  // Nothing secret is sent and nothing is believed here but a certificate with the right fingerprint.
  const agent = new Agent({ rejectUnauthorized: false })
  const answer = await send(agent, { ...operator, token: '' }, 'GET', `${mesh}/trust`, undefined)
  agent.destroy()
  const { roots, trustDomain } = JSON.parse(answer.body) as {
    roots: { certificate: string }[]
    trustDomain: string
  }
  const root = roots.find(({ certificate }) => fingerprint(certificate) === operator.caSha256)
  if (root === undefined) throw new Error(`${operator.url} is not the control plane of ${operator.mesh}`)
  return { root: root.certificate, trustDomain }
}

const fingerprint = (pem: string): string =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')

function send(
  agent: Agent,
  operator: OperatorFile,
  method: string,
  path: string,
  value: unknown,
  conditions: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = value === undefined ? '' : JSON.stringify(value)
  const headers: Record<string, string> = {
    'content-length': String(Buffer.byteLength(body)),
    ...conditions,
  }
  if (body !== '') headers['content-type'] = 'application/json'
  if (operator.token !== '') headers.authorization = `Bearer ${operator.token}`
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      new URL(path, operator.url),
      { method, agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
