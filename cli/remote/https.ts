/**
 * HTTPS to the control plane. Its certificate comes from the mesh's own authority, which no machine trusts by
 * itself: the first connection asks for the roots and believes only the one whose SHA-256 was given.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { Agent, type RequestOptions } from 'node:https'
import { controlPlaneId, paths, type Trust, trustSchema } from '../../mesh/protocol.ts'
import { callHttps, type HttpsAnswer, type HttpsCall } from '../../proxy/config/https.ts'
import { CommandError, reasonOf } from '../command-error.ts'

export interface Call {
  readonly method: HttpsCall['method']
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type Send = (call: Call) => Promise<HttpsAnswer>

/** Sends over TLS with the machine's own trusted roots, or as `tls` says. */
export const sendTo =
  (url: URL, tls: RequestOptions = {}): Send =>
  async ({ method, path, headers, body }) => {
    try {
      const all = { accept: 'application/json', ...headers }
      return await callHttps({ method, url: new URL(path, url), headers: all, body, tls })
    } catch (error) {
      throw new CommandError(
        'missing',
        `cannot reach the control plane at ${url.origin}: ${reasonOf(error)}`,
        {
          cause: error,
        },
      )
    }
  }

/** Sends over TLS to a control plane whose authority has this SHA-256 (hex, of the certificate's DER). */
export async function pinnedTo(url: URL, mesh: string, caSha256: string): Promise<Send> {
  // Nothing secret is sent and nothing is believed here but a certificate with the right fingerprint.
  const ask = sendTo(url, { rejectUnauthorized: false, agent: false })
  const trust = parseTrust(await ask({ method: 'GET', path: paths.trust(mesh) }), url)
  const root = trust.roots.find(each => fingerprint(each.certificate) === caSha256.toLowerCase())
  if (root === undefined) {
    throw new CommandError(
      'refused',
      `${url.origin} is not the control plane expected: none of its authorities has the SHA-256 ${caSha256}`,
      { hint: 'It was perhaps started anew with a new authority: use its new operator.json.' },
    )
  }
  const expected = `URI:${controlPlaneId(trust.trustDomain)}`
  return sendTo(url, {
    // Without cached sessions: on a resumed one Node does not call `checkServerIdentity`.
    agent: new Agent({ keepAlive: true, maxCachedSessions: 0 }),
    ca: root.certificate,
    minVersion: 'TLSv1.3',
    checkServerIdentity: (_host, certificate) =>
      (certificate.subjectaltname ?? '').split(', ').includes(expected)
        ? undefined
        : new Error(`its certificate is for ${certificate.subjectaltname ?? 'nobody'}, expected ${expected}`),
  })
}

function parseTrust(answer: HttpsAnswer, url: URL): Trust {
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

function fingerprint(pem: string): string | undefined {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')
  } catch {
    return undefined
  }
}
