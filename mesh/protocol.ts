/**
 * What proxies, the command and the control plane say to each other: paths, bodies, tokens.
 * Both sides build and parse with this file; nothing about the wire is written twice.
 */
import { z } from 'zod'

export * from './operator-protocol.ts'
export * from './problem.ts'

/** Paths of the control API. Names are percent-encoded, so that `payments/v1` is one segment. */
export const paths = {
  fragments: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/fragments`,
  fragment: (mesh: string, fragment: string) => `${paths.fragments(mesh)}/${encodeURIComponent(fragment)}`,
  history: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/history`,
  restore: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/restore`,
  plan: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/plan`,
  status: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/status`,
  topology: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/topology`,
  explain: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/explain`,
  trust: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/trust`,
  joinTokens: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/join-tokens`,
  publishTokens: (mesh: string) => `/v1/meshes/${encodeURIComponent(mesh)}/publish-tokens`,
  publishToken: (mesh: string, id: string) => `${paths.publishTokens(mesh)}/${encodeURIComponent(id)}`,
  openapi: () => '/v1/openapi.json',
  workload: (mesh: string, workload: string) =>
    `/v1/meshes/${encodeURIComponent(mesh)}/workloads/${encodeURIComponent(workload)}`,
  snapshotConfig: (mesh: string, workload: string) => `${paths.workload(mesh, workload)}/snapshot/config`,
  snapshotEndpoints: (mesh: string, workload: string) =>
    `${paths.workload(mesh, workload)}/snapshot/endpoints`,
  hints: (mesh: string, workload: string) => `${paths.workload(mesh, workload)}/hints`,
  certificate: (mesh: string, workload: string) => `${paths.workload(mesh, workload)}/certificate`,
  endpoint: (mesh: string, workload: string, id: string) =>
    `${paths.workload(mesh, workload)}/endpoints/${encodeURIComponent(id)}`,
} as const

/** How a proxy is doing; rides on the renewal of its lease. */
export const proxyReportSchema = z.strictObject({
  version: z.string().max(64),
  /** Hashes (ETags without quotes) of the snapshot parts that it enforces now. */
  configHash: z.string().max(128).optional(),
  endpointsHash: z.string().max(128).optional(),
  /** Why the last snapshot was refused, if it was. */
  refused: z.string().max(2000).optional(),
  certificateNotAfter: z.iso.datetime().optional(),
  ready: z.boolean(),
})
export type ProxyReport = z.infer<typeof proxyReportSchema>

/** Body of `PUT endpoint`: registers an endpoint, or renews its lease. */
export const registrationSchema = z.strictObject({
  address: z.union([z.ipv4(), z.ipv6()]),
  port: z.int().min(1).max(65535),
  zone: z.string().max(64).optional(),
  version: z.string().max(64).optional(),
  weight: z.number().min(0).max(1000).default(1),
  health: z.enum(['healthy', 'draining']).default('healthy'),
  leaseSeconds: z.int().min(3).max(3600).default(15),
  /**
   * When this sidecar process started, milliseconds since the epoch. It orders registrations of one id: after a
   * deregistration a late renewal by the same process is refused with 410, and a process that started later may
   * take the id again.
   */
  startedAtMs: z.int().min(0).default(0),
  report: proxyReportSchema.optional(),
})
export type Registration = z.infer<typeof registrationSchema>
/** What a proxy sends: defaults may be left out. */
export type RegistrationBody = z.input<typeof registrationSchema>

export const registeredSchema = z.object({ leaseSeconds: z.int() })

/** Body of `POST certificate`. The names in the CSR are ignored: the proven identity decides. */
export const certificateRequestSchema = z.strictObject({ csr: z.string().max(16_384) })
export const issuedCertificateSchema = z.object({
  /** PEM, leaf first. */
  certificate: z.string(),
  /** PEM of every root that is trusted now. */
  trustBundle: z.array(z.string()),
  spiffeId: z.string(),
  notBefore: z.iso.datetime(),
  notAfter: z.iso.datetime(),
})
export type IssuedCertificate = z.infer<typeof issuedCertificateSchema>

/**
 * One event of the hint stream (`text/event-stream`, event `hint`): something changed that may concern this
 * workload. Hints may be lost and are coalesced; a proxy compares and fetches by ETag within `windowMs`.
 */
export const hintSchema = z.object({
  /** Hash (the ETag without its quotes) of the config part as it is now, when it changed. */
  config: z.string().optional(),
  /** The same for the endpoints part. */
  endpoints: z.string().optional(),
  /** Spread the fetch over this many milliseconds. */
  windowMs: z.int(),
})
export type Hint = z.infer<typeof hintSchema>

/**
 * A join token proves a workload's identity once: `selvage-join-1.<base64url of JSON>`. It carries the SHA-256 of
 * the CA certificate (hex), so that the first connection to the control API is pinned.
 */
export const joinTokenSchema = z.strictObject({
  mesh: z.string(),
  workload: z.string(),
  id: z.string(),
  secret: z.string(),
  caSha256: z.string(),
})
export type JoinToken = z.infer<typeof joinTokenSchema>

const JOIN_PREFIX = 'selvage-join-1.'

export function formatJoinToken(token: JoinToken): string {
  return JOIN_PREFIX + btoa(JSON.stringify(token)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** Throws an `Error` that never quotes the token. */
export function parseJoinToken(text: string): JoinToken {
  const trimmed = text.trim()
  if (!trimmed.startsWith(JOIN_PREFIX))
    throw new Error(`join token: expected it to begin with "${JOIN_PREFIX}"`)
  try {
    const json = atob(trimmed.slice(JOIN_PREFIX.length).replace(/-/g, '+').replace(/_/g, '/'))
    return joinTokenSchema.parse(JSON.parse(json))
  } catch {
    throw new Error('join token: it is damaged (not base64url of the expected JSON); ask for a new one')
  }
}

/** SPIFFE ID of a workload. */
export const workloadId = (trustDomain: string, workload: string): string =>
  `spiffe://${trustDomain}/workload/${workload}`

/** SPIFFE ID of the control plane's own server certificate. */
export const controlPlaneId = (trustDomain: string): string => `spiffe://${trustDomain}/control-plane`

/** Workload named by a SPIFFE ID of this trust domain; undefined for any other ID. */
export function workloadOf(trustDomain: string, spiffeId: string): string | undefined {
  const prefix = `spiffe://${trustDomain}/workload/`
  return spiffeId.startsWith(prefix) ? spiffeId.slice(prefix.length) : undefined
}

/** SNI of a mesh connection: `<port>.<workload>.<service>.<domain>`; dots within a name are written `--`. */
export function serverName(port: number, workload: string, service: string, domain: string): string {
  const own = workload.includes('/') ? workload.slice(workload.indexOf('/') + 1) : workload
  return `${port}.${own.replaceAll('.', '--')}.${service.replaceAll('.', '--')}.${domain}`
}

/** Header fields that sidecars set for each other and that never come from an app. */
export const HEADER_REASON = 'x-selvage-reason'
export const HEADER_NOT_PROCESSED = 'x-selvage-not-processed'

/**
 * How callers prove who they are, apart from mTLS: `Authorization: Bearer <token>`, where the token is a join
 * token (only for `POST certificate` of its own workload), a publish token or the operator's.
 */
export const bearer = (token: string): string => `Bearer ${token}`

/** ETag field value of a snapshot part's hash or of a revision (RFC 9110 section 8.8.3). */
export const etagOf = (value: string | number): string => `"${value}"`

/** What stands between the quotes of a strong or weak ETag; other text is returned as it is. */
export const etagValue = (etag: string): string => /^(?:W\/)?"(.*)"$/.exec(etag.trim())?.[1] ?? etag.trim()

/**
 * A poll of a snapshot part may carry the proxy's report (JSON of `proxyReportSchema`) and must then name the
 * endpoint that reports: for proxies that register elsewhere, or not at all.
 */
export const HEADER_REPORT = 'x-selvage-report'
export const HEADER_ENDPOINT = 'x-selvage-endpoint'

/** Body of `GET trust`, which needs no credentials: certificates of authorities are public. */
export const trustSchema = z.object({
  trustDomain: z.string(),
  roots: z.array(
    z.object({
      /** PEM. */
      certificate: z.string(),
      /** Hex SHA-256 of the DER: what join tokens and `operator.json` pin. */
      sha256: z.string(),
      notAfter: z.iso.datetime(),
      /** The one that signs now; the others are only trusted. */
      signing: z.boolean(),
    }),
  ),
})
export type Trust = z.infer<typeof trustSchema>
