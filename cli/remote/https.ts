/**
 * HTTPS to the control plane. Its certificate comes from the mesh's own authority, which no machine trusts by
 * itself: the first connection asks for the roots and believes only the one whose SHA-256 was given.
 */

import { createHash, X509Certificate } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import { type RequestOptions, request as requestHttps } from 'node:https'
import { controlPlaneId, paths, type Trust, trustSchema } from '../../mesh/protocol.ts'
import { CommandError, reasonOf } from '../command-error.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface Call {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type Send = (call: Call) => Promise<Answer>

const TIMEOUT_MS = 10_000
/** The status of a mesh of thousands of proxies, with room to spare. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** Sends over plain HTTP, or over TLS with the machine's own trusted roots. */
export const sendTo =
  (url: URL, tls: RequestOptions = {}): Send =>
  call =>
    new Promise((resolve, reject) => {
      const start = url.protocol === 'https:' ? requestHttps : requestHttp
      const target = new URL(call.path, url)
      const fail = (error: unknown) => reject(unreachable(url, error))
      const request = start(target, {
        ...tls,
        method: call.method,
        headers: { accept: 'application/json', ...call.headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      request.on('error', fail)
      request.on('response', response => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size > MAX_ANSWER_BYTES)
            response.destroy(new Error(`it answered more than ${MAX_ANSWER_BYTES} bytes`))
        })
        response.on('error', fail)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      })
      request.end(call.body)
    })

function unreachable(url: URL, error: unknown): CommandError {
  const reason =
    (error as Error).name === 'TimeoutError' ? `no answer in ${TIMEOUT_MS / 1000} s` : reasonOf(error)
  return new CommandError('missing', `cannot reach ${url.origin}: ${reason}`, { cause: error })
}

/** Sends over TLS to a control plane whose authority has this SHA-256 (hex, of the certificate's DER). */
export async function pinnedTo(url: URL, mesh: string, caSha256: string): Promise<Send> {
  // Nothing secret is sent and nothing is believed here but a certificate with the right fingerprint.
  const answer = await sendTo(url, { rejectUnauthorized: false })({ method: 'GET', path: paths.trust(mesh) })
  const trust = parseTrust(answer, url)
  const root = trust.roots.find(each => fingerprint(each.certificate) === caSha256.toLowerCase())
  if (root === undefined) {
    throw new CommandError(
      'refused',
      `${url.origin} is not the control plane expected: no authority of its has the pinned SHA-256`,
      {
        hint: 'It was perhaps started anew with a new authority: use its new operator.json.',
      },
    )
  }
  const expected = `URI:${controlPlaneId(trust.trustDomain)}`
  return sendTo(url, {
    ca: root.certificate,
    checkServerIdentity: (_host, certificate) =>
      (certificate.subjectaltname ?? '').split(', ').includes(expected)
        ? undefined
        : new Error(`its certificate is for ${certificate.subjectaltname}, expected ${expected}`),
  })
}

function parseTrust(answer: Answer, url: URL): Trust {
  const parsed = answer.status === 200 ? trustSchema.safeParse(tryJson(answer.text)) : undefined
  if (parsed?.success) return parsed.data
  throw new CommandError(
    'missing',
    `${url.origin} does not answer as a control plane of this mesh (${answer.status})`,
  )
}

export function tryJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const fingerprint = (pem: string): string =>
  createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')
