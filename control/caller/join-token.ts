/**
 * Join tokens: how a sidecar without a certificate proves which workload it is. Single use, short, hashed at rest.
 */
import type { Clock } from '../../mesh/clock.ts'
import { formatJoinToken, type JoinToken, parseJoinToken } from '../../mesh/protocol.ts'
import type { Store } from '../store/store.ts'
import { ABSENT, type Caller, proven, refused } from './caller.ts'
import { bearerToken, matchesHash, newSecret } from './secret.ts'

const PREFIX = 'selvage-join-'

export interface JoinTokens extends Caller {
  /** @param caSha256 the root that the first connection is pinned to */
  issue(
    workload: string,
    ttlSeconds: number,
    caSha256: string,
  ): Promise<{ readonly token: string; readonly expiresAtMs: number }>
  /** Uses it up. False: somebody else was faster. */
  consume(tokenId: string): Promise<boolean>
}

export function joinTokens(options: {
  readonly store: Store
  readonly mesh: string
  readonly clock: Clock
}): JoinTokens {
  const { store, mesh, clock } = options
  return {
    async issue(workload, ttlSeconds, caSha256) {
      await store.dropExpiredTokens(mesh, clock.now())
      const { id, secret, hash } = newSecret()
      const expiresAtMs = clock.now() + ttlSeconds * 1000
      await store.putToken(mesh, { kind: 'join', id, hash, expiresAtMs, workload })
      return { token: formatJoinToken({ mesh, workload, id, secret, caSha256 }), expiresAtMs }
    },
    consume: tokenId => store.takeToken(mesh, tokenId),
    async prove({ authorization }) {
      const text = bearerToken(authorization)
      if (!text?.startsWith(PREFIX)) return ABSENT
      const token = parse(text)
      if (token === undefined) return refused('the join token is damaged; ask for a new one')
      const stored = await store.token(mesh, token.id)
      if (stored?.kind !== 'join') {
        return refused(`join token ${token.id} was used, has expired or was never issued here`)
      }
      // The secret is asked first, so that only its holder learns anything about the token.
      if (!matchesHash(token.secret, stored.hash))
        return refused(`join token ${token.id} has the wrong secret`)
      if (stored.expiresAtMs <= clock.now()) {
        return refused(`join token ${token.id} expired at ${new Date(stored.expiresAtMs).toISOString()}`)
      }
      if (token.mesh !== mesh || token.workload !== stored.workload) {
        return refused(`join token ${token.id} is for another workload than it says`)
      }
      return proven({ kind: 'join', workload: stored.workload, tokenId: token.id })
    },
  }
}

function parse(text: string): JoinToken | undefined {
  try {
    return parseJoinToken(text)
  } catch {
    return undefined
  }
}
