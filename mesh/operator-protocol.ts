/**
 * What people and their tools say to the control API: fragments, plans, history, tokens, status. Part of
 * `protocol.ts`, which is what everybody imports.
 */
import { z } from 'zod'
import { violationSchema } from './problem.ts'

/** Fragment that `apply` writes when no other name is given. */
export const DEFAULT_FRAGMENT = 'mesh'

export const joinTokenRequestSchema = z.strictObject({
  workload: z.string().min(1).max(256),
  ttlSeconds: z.int().min(10).max(86_400).default(600),
})
export const joinTokenIssuedSchema = z.object({
  token: z.string(),
  workload: z.string(),
  expiresAt: z.iso.datetime(),
})

/** A publisher may write fragments that define only these services and top-level workloads. */
export const publishTokenRequestSchema = z.strictObject({
  /** Who publishes: the owner of the fragments written with it, whichever of its tokens wrote them. */
  name: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected lower-case letters, digits, "-" and "."'),
  services: z.array(z.string().min(1).max(256)).min(1).max(1000),
  ttlSeconds: z
    .int()
    .min(60)
    .max(366 * 86_400)
    .default(90 * 86_400),
})
export const publishTokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  services: z.array(z.string()),
  expiresAt: z.iso.datetime(),
})
export const publishTokenIssuedSchema = publishTokenSchema.extend({ token: z.string() })
export const publishTokensSchema = z.object({ tokens: z.array(publishTokenSchema) })

/** What an accepted change answers: of a fragment, its deletion, or a restored revision. */
export const acceptedSchema = z.object({
  mesh: z.string(),
  /** Revision of the mesh after the change. */
  revision: z.int(),
  /** False: the content was there already, and nothing changed. */
  changed: z.boolean(),
  /** Allocated loopback address of each service concerned. */
  addresses: z.record(z.string(), z.string()),
  /** What was accepted and may still surprise, such as names that are not there yet. */
  warnings: z.array(violationSchema),
})
export type Accepted = z.infer<typeof acceptedSchema>

const fragmentSummarySchema = z.object({
  fragment: z.string(),
  /** `operator` or `publisher:<name>`. */
  owner: z.string(),
  /** Revision of the mesh that last changed this fragment; its ETag, for `If-Match`. */
  revision: z.int(),
  updatedAt: z.iso.datetime(),
})
export const fragmentSchema = fragmentSummarySchema.extend({ document: z.unknown() })
export const fragmentsSchema = z.object({
  mesh: z.string(),
  revision: z.int(),
  /** Of every service in the mesh. */
  addresses: z.record(z.string(), z.string()),
  fragments: z.array(fragmentSummarySchema),
})

export const historySchema = z.object({
  mesh: z.string(),
  /** Newest first; bounded. */
  entries: z.array(
    z.object({
      revision: z.int(),
      at: z.iso.datetime(),
      by: z.string(),
      action: z.enum(['put', 'delete', 'restore']),
      /** The fragment that changed; of a restore, the revision restored (`revision 7`). */
      subject: z.string(),
    }),
  ),
})
export const restoreRequestSchema = z.strictObject({ revision: z.int().min(1) })

/** Body of `POST plan`; without a document it plans the fragment's deletion. */
export const planRequestSchema = z.strictObject({
  fragment: z.string().min(1).max(253).default(DEFAULT_FRAGMENT),
  document: z.unknown().optional(),
})
export const planSchema = z.object({
  mesh: z.string(),
  /** The revision compared with; 0: the mesh is empty. */
  revision: z.int(),
  /** Why it would be refused; empty: it would be accepted. */
  violations: z.array(violationSchema),
  warnings: z.array(violationSchema),
  services: z.object({ added: z.array(z.string()), removed: z.array(z.string()) }),
  routes: z.array(
    z.object({
      change: z.enum(['added', 'removed', 'changed']),
      service: z.string(),
      /** Its name, or the hash of its match. */
      key: z.string(),
      before: z.unknown().optional(),
      after: z.unknown().optional(),
    }),
  ),
  /** Workloads whose snapshot would change. */
  workloads: z.array(z.string()),
})
export type Plan = z.infer<typeof planSchema>

const proxyStatusSchema = z.object({
  /** Registration id of its endpoint. */
  id: z.string(),
  address: z.string().optional(),
  port: z.int().optional(),
  zone: z.string().optional(),
  version: z.string().optional(),
  health: z.enum(['healthy', 'draining']).optional(),
  /** When the registration ends unless it is renewed. Absent: it reports without being registered here. */
  leaseEndsAt: z.iso.datetime().optional(),
  /** When it last reported; absent: not since this control plane started. */
  reportedAt: z.iso.datetime().optional(),
  ready: z.boolean().optional(),
  /** Hashes that it enforces. */
  config: z.string().optional(),
  endpoints: z.string().optional(),
  /** It enforces what is wanted, both parts. */
  inSync: z.boolean(),
  refused: z.string().optional(),
  certificateNotAfter: z.iso.datetime().optional(),
})
export type ProxyStatus = z.infer<typeof proxyStatusSchema>

export const statusSchema = z.object({
  mesh: z.string(),
  revision: z.int(),
  at: z.iso.datetime(),
  workloads: z.array(
    z.object({
      workload: z.string(),
      services: z.array(z.string()),
      /** Hashes that its proxies should enforce. */
      wanted: z.object({ config: z.string(), endpoints: z.string() }),
      proxies: z.array(proxyStatusSchema),
    }),
  ),
})
export type Status = z.infer<typeof statusSchema>

export const topologySchema = z.object({
  mesh: z.string(),
  revision: z.int(),
  services: z.array(
    z.object({
      service: z.string(),
      hosts: z.array(z.string()),
      address: z.string().optional(),
      workloads: z.array(z.string()),
    }),
  ),
  workloads: z.array(
    z.object({
      workload: z.string(),
      identity: z.string(),
      services: z.array(z.string()),
      /** Known now; absent: unknown. */
      endpoints: z.int().optional(),
      /** It lists no `calls` and may call every service: no edges are listed for it. */
      callsAll: z.boolean(),
    }),
  ),
  /** Who may call whom, from `calls`: workload to service. */
  edges: z.array(z.object({ from: z.string(), to: z.string() })),
})
export type Topology = z.infer<typeof topologySchema>

/** What the control plane leaves in its state directory for the command (`operator.json`, 0600). */
export const operatorFileSchema = z.object({
  url: z.url(),
  mesh: z.string(),
  token: z.string(),
  caSha256: z.string(),
})
export type OperatorFile = z.infer<typeof operatorFileSchema>
export const OPERATOR_FILE = 'operator.json'
