/** The control plane without its app: the seams, and what is built on them. Stateless over its stores. */
import type { Logger } from 'pino'
import type { Clock } from '../mesh/clock.ts'
import { DEFAULT_ADDRESS_RANGE, parseAddressRange } from './address-pool.ts'
import { type Audit, audit } from './audit.ts'
import { type Authority, checkIssue } from './authority/authority.ts'
import { type Caller, firstOf } from './caller/caller.ts'
import { certificateCaller } from './caller/certificate.ts'
import { type JoinTokens, joinTokens } from './caller/join-token.ts'
import { type OperatorTokens, operatorTokens } from './caller/operator-token.ts'
import { type PublishTokens, publishTokens } from './caller/publish-token.ts'
import { type KnownEndpoints, knownEndpoints } from './discovery/known-endpoints.ts'
import type { Registry } from './discovery/registry.ts'
import { type Hints, hints } from './hints.ts'
import { type Models, models } from './model.ts'
import type { StreamNotify } from './notify/stream.ts'
import { proposals } from './proposal.ts'
import { type Publishing, publishing } from './publishing.ts'
import { type Reports, reports } from './reports.ts'
import { type SnapshotParts, snapshotParts } from './snapshot-parts.ts'
import type { Store } from './store/store.ts'

export interface ControlOptions {
  /** Name of the one mesh that it serves. */
  readonly mesh: string
  readonly store: Store
  readonly registry: Registry
  readonly authority: Authority
  readonly notify: StreamNotify
  readonly clock: Clock
  readonly logger: Logger
  readonly certificateTtlSeconds: number
  /** CIDR of the services' loopback addresses. @default 127.83.0.0/16 */
  readonly addressRange?: string | undefined
}

/** What the routes work with. */
export interface Control {
  readonly mesh: string
  readonly authority: Authority
  readonly certificateTtlSeconds: number
  readonly clock: Clock
  readonly log: Logger
  readonly audit: Audit
  readonly caller: Caller
  readonly joinTokens: JoinTokens
  readonly publishTokens: PublishTokens
  readonly operatorTokens: OperatorTokens
  readonly store: Store
  readonly models: Models
  readonly publishing: Publishing
  readonly registry: Registry
  readonly endpoints: KnownEndpoints
  readonly parts: SnapshotParts
  readonly hints: Hints
  readonly notify: StreamNotify
  readonly reports: Reports
  /** How to end each answer that is still being written. */
  readonly streams: Set<() => void>
  /** Ends open streams and what runs by itself; the seams that were given are the giver's to close. */
  close(): void
}

/** @throws RangeError for an option that cannot be */
export function createControl(options: ControlOptions): Control {
  const { mesh, store, registry, authority, notify, clock, logger: log, certificateTtlSeconds } = options
  const { trustDomain } = authority
  checkIssue(trustDomain, { spiffeId: `spiffe://${trustDomain}/workload/any` }, certificateTtlSeconds)
  const addressRange = parseAddressRange(options.addressRange ?? DEFAULT_ADDRESS_RANGE)
  const onError = (error: unknown) => log.error({ err: error }, 'work in the background failed')

  const tokens = { store, mesh, clock }
  const join = joinTokens(tokens)
  const publish = publishTokens(tokens)
  const operator = operatorTokens(tokens)

  const all = models({ store, mesh, trustDomain })
  const endpoints = knownEndpoints(registry, workload => hinting.endpointsChanged(workload))
  const parts = snapshotParts(endpoints)
  const hinting = hints({ notify, parts, model: all.current, clock, onError })
  const changed = () => hinting.documentChanged()
  const proposing = proposals({ mesh, trustDomain, addressRange, models: all })

  const streams = new Set<() => void>()

  return {
    mesh,
    authority,
    certificateTtlSeconds,
    clock,
    log,
    audit: audit(log),
    caller: firstOf([join, publish, operator, certificateCaller({ authority, clock })]),
    joinTokens: join,
    publishTokens: publish,
    operatorTokens: operator,
    store,
    models: all,
    publishing: publishing({ store, mesh, models: all, proposals: proposing, clock, changed }),
    registry,
    endpoints,
    parts,
    hints: hinting,
    notify,
    reports: reports(clock),
    streams,
    close() {
      for (const end of [...streams]) end()
      hinting.close()
      endpoints.close()
    },
  }
}
