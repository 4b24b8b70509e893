/**
 * Where the control plane keeps what must outlive it: the mesh's revisions, registrations and tokens.
 * Every write is one transaction: a crash leaves either the old state or the new. Methods are asynchronous
 * because the store may be a database across the network.
 */
import type { Registration } from '../../mesh/protocol.ts'

/** A fragment as stored: compressed, and known by the hash of its content. */
export interface StoredFragment {
  /** `operator` or `publisher:<name>`. */
  readonly owner: string
  /** Revision of the mesh that last changed it. */
  readonly revision: number
  readonly updatedAtMs: number
  /** Equal for equal documents, however their JSON was written. */
  readonly contentHash: string
  /** gzip of its JSON. */
  readonly content: Uint8Array
}

/** Who changed what, when. */
export interface RevisionSummary {
  /** 1 for the first; each change adds 1. */
  readonly revision: number
  readonly atMs: number
  readonly by: string
  readonly action: 'put' | 'delete' | 'restore'
  readonly subject: string
}

/** The whole mesh at one revision. */
export interface MeshRevision extends RevisionSummary {
  readonly fragments: ReadonlyMap<string, StoredFragment>
  /** Allocated loopback address by service. */
  readonly addresses: ReadonlyMap<string, string>
}

/** A registered endpoint, or the tombstone of one that was deregistered. */
export interface StoredRegistration {
  readonly workload: string
  readonly id: string
  readonly registration: Omit<Registration, 'report'>
  /** Present on a tombstone: when it was deregistered. */
  readonly deregisteredAtMs?: number
}

/** A token at rest: its secret only as a hash. */
export type StoredToken =
  | {
      readonly kind: 'join'
      readonly id: string
      readonly hash: string
      readonly expiresAtMs: number
      readonly workload: string
    }
  | {
      readonly kind: 'publish'
      readonly id: string
      readonly hash: string
      readonly expiresAtMs: number
      readonly name: string
      readonly services: readonly string[]
    }
  | { readonly kind: 'operator'; readonly id: string; readonly hash: string }

export interface Store {
  /** Revision of the mesh now; 0 before the first. */
  revision(mesh: string): Promise<number>
  /** The newest revision, or the one asked for; undefined when it never was, or is no longer kept. */
  read(mesh: string, revision?: number): Promise<MeshRevision | undefined>
  /**
   * Makes `next` the newest revision if it follows the one that is stored now (`next.revision` is that plus 1).
   * @throws RevisionConflict when somebody else was faster
   * @throws FragmentTooLarge
   */
  commit(mesh: string, next: MeshRevision): Promise<void>
  /** Newest first, at most `limit`; older revisions than the store's bound are gone. */
  history(mesh: string, limit: number): Promise<readonly RevisionSummary[]>

  registrations(mesh: string): Promise<readonly StoredRegistration[]>
  putRegistration(mesh: string, registration: StoredRegistration): Promise<void>
  /** Succeeds also when it is not there. */
  deleteRegistration(mesh: string, workload: string, id: string): Promise<void>

  putToken(mesh: string, token: StoredToken): Promise<void>
  token(mesh: string, id: string): Promise<StoredToken | undefined>
  tokens(mesh: string, kind: StoredToken['kind']): Promise<readonly StoredToken[]>
  /** Removes the token and tells whether it was there: of callers that race, one gets true. */
  takeToken(mesh: string, id: string): Promise<boolean>
  /** Forgets tokens that ended before `nowMs`. */
  dropExpiredTokens(mesh: string, nowMs: number): Promise<void>

  close(): Promise<void>
}

/** Revisions kept unless a store is told otherwise. */
export const HISTORY_LIMIT = 100

/** Compressed; far below the 400 KB that an item of DynamoDB holds, so that every store takes the same fragments. */
export const MAX_FRAGMENT_BYTES = 256 * 1024

/** The write was for another revision than the one stored. */
export class RevisionConflict extends Error {
  readonly code = 'REVISION_CONFLICT'
  readonly current: number
  constructor(expected: number, current: number) {
    super(`the mesh is at revision ${current}, and the change was made for revision ${expected}`)
    this.current = current
  }
}

export class FragmentTooLarge extends Error {
  readonly code = 'FRAGMENT_TOO_LARGE'
  constructor(fragment: string, bytes: number) {
    super(
      `fragment "${fragment}" is too large: ${bytes} bytes compressed, and the limit is ${MAX_FRAGMENT_BYTES}; ` +
        'split it into several fragments',
    )
  }
}

/** What each implementation asks before it writes. */
export function checkCommit(next: MeshRevision, current: number): void {
  if (next.revision !== current + 1) throw new RevisionConflict(next.revision - 1, current)
  for (const [name, fragment] of next.fragments) {
    if (fragment.content.byteLength > MAX_FRAGMENT_BYTES) {
      throw new FragmentTooLarge(name, fragment.content.byteLength)
    }
  }
}
