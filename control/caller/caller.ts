/**
 * Who is calling. A `Caller` proves one kind of credentials; what the proven principal may do is decided
 * elsewhere, and nothing but the principal decides it.
 */
import type { X509Certificate } from 'node:crypto'

export type Principal =
  /** By certificate over mTLS. */
  | {
      readonly kind: 'workload'
      readonly workload: string
      readonly spiffeId: string
      readonly notAfterMs: number
    }
  /** By join token: good for one certificate of this workload and nothing else. */
  | { readonly kind: 'join'; readonly workload: string; readonly tokenId: string }
  | { readonly kind: 'publisher'; readonly name: string; readonly services: readonly string[] }
  | { readonly kind: 'operator' }

/** What a request brought to prove who sent it. */
export interface Credentials {
  /** The field value of `Authorization`. */
  readonly authorization: string | undefined
  /** Of the TLS client, which has proven possession of its key in the handshake; nothing else is checked yet. */
  readonly certificate: X509Certificate | undefined
}

export type Verdict =
  | { readonly kind: 'proven'; readonly principal: Principal }
  /** Credentials of this kind that are not good. The reason names the peer and never quotes a secret. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No credentials of this kind. */
  | { readonly kind: 'absent' }

export interface Caller {
  prove(credentials: Credentials): Promise<Verdict>
}

export const proven = (principal: Principal): Verdict => ({ kind: 'proven', principal })
export const refused = (reason: string): Verdict => ({ kind: 'refused', reason })
export const ABSENT: Verdict = { kind: 'absent' }

/** Asks in order; the first that finds its kind of credentials decides, for good or bad. */
export const firstOf = (callers: readonly Caller[]): Caller => ({
  async prove(credentials) {
    for (const caller of callers) {
      const verdict = await caller.prove(credentials)
      if (verdict.kind !== 'absent') return verdict
    }
    return ABSENT
  },
})

/** Owner of what operators publish. */
export const OPERATOR = 'operator'

/** How logs, histories and fragments name a principal. */
export function principalName(principal: Principal): string {
  switch (principal.kind) {
    case 'operator':
      return OPERATOR
    case 'publisher':
      return `publisher:${principal.name}`
    case 'workload':
      return principal.spiffeId
    case 'join':
      return `join token ${principal.tokenId} of ${principal.workload}`
  }
}
