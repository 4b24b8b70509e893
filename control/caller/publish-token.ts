/** Publish tokens: who may write fragments, and which services they may define there. */
import type { Clock } from '../../mesh/clock.ts'
import type { Store, StoredToken } from '../store/store.ts'
import { ABSENT, type Caller, proven, refused } from './caller.ts'
import { bearerToken, formatToken, matchesHash, newSecret, parseToken } from './secret.ts'

const PREFIX = 'selvage-publish-1.'

export type PublishToken = Omit<Extract<StoredToken, { kind: 'publish' }>, 'hash' | 'kind'>

export interface PublishTokens extends Caller {
  issue(
    name: string,
    services: readonly string[],
    ttlSeconds: number,
  ): Promise<PublishToken & { readonly token: string }>
  list(): Promise<readonly PublishToken[]>
  /** Succeeds also when it is not there. */
  revoke(id: string): Promise<void>
}

export function publishTokens(options: {
  readonly store: Store
  readonly mesh: string
  readonly clock: Clock
}): PublishTokens {
  const { store, mesh, clock } = options
  return {
    async issue(name, services, ttlSeconds) {
      await store.dropExpiredTokens(mesh, clock.now())
      const secret = newSecret()
      const token = { id: secret.id, name, services, expiresAtMs: clock.now() + ttlSeconds * 1000 }
      await store.putToken(mesh, { kind: 'publish', hash: secret.hash, ...token })
      return { ...token, token: formatToken(PREFIX, secret) }
    },
    async list() {
      const tokens = await store.tokens(mesh, 'publish')
      return tokens.flatMap(token => (token.kind === 'publish' ? [publicPart(token)] : []))
    },
    async revoke(id) {
      const token = await store.token(mesh, id)
      if (token?.kind === 'publish') await store.takeToken(mesh, id)
    },
    async prove({ authorization }) {
      const token = parseToken(PREFIX, bearerToken(authorization))
      if (token === undefined) return ABSENT
      if (token === 'damaged') return refused('the publish token is damaged; ask for a new one')
      const stored = await store.token(mesh, token.id)
      if (stored?.kind !== 'publish') {
        return refused(`publish token ${token.id} was revoked, has expired or was never issued here`)
      }
      if (!matchesHash(token.secret, stored.hash)) {
        return refused(`publish token ${token.id} has the wrong secret`)
      }
      if (stored.expiresAtMs <= clock.now()) {
        return refused(`publish token ${token.id} expired at ${new Date(stored.expiresAtMs).toISOString()}`)
      }
      return proven({ kind: 'publisher', name: stored.name, services: stored.services })
    },
  }
}

const publicPart = ({ id, name, services, expiresAtMs }: PublishToken): PublishToken => ({
  id,
  name,
  services,
  expiresAtMs,
})
