/** The operator's token: one, without an end, that may do everything but pose as a workload. */
import type { Store } from '../store/store.ts'
import { ABSENT, type Caller, proven, refused } from './caller.ts'
import { bearerToken, formatToken, matchesHash, newSecret, parseToken } from './secret.ts'

const PREFIX = 'selvage-operator-1.'

export interface OperatorTokens extends Caller {
  /**
   * The token given, when it is still good; otherwise a new one, and every older one ends.
   * @param known what was kept of an earlier run
   */
  ensure(known: string | undefined): Promise<string>
}

export function operatorTokens(options: { readonly store: Store; readonly mesh: string }): OperatorTokens {
  const { store, mesh } = options
  const prove: Caller['prove'] = async ({ authorization }) => {
    const token = parseToken(PREFIX, bearerToken(authorization))
    if (token === undefined) return ABSENT
    if (token === 'damaged') return refused('the operator token is damaged')
    const stored = await store.token(mesh, token.id)
    if (stored?.kind !== 'operator') return refused(`operator token ${token.id} is not known here`)
    if (!matchesHash(token.secret, stored.hash)) {
      return refused(`operator token ${token.id} has the wrong secret`)
    }
    return proven({ kind: 'operator' })
  }
  return {
    prove,
    async ensure(known) {
      if (known !== undefined) {
        const verdict = await prove({ authorization: `Bearer ${known}`, certificate: undefined })
        if (verdict.kind === 'proven') return known
      }
      for (const old of await store.tokens(mesh, 'operator')) await store.takeToken(mesh, old.id)
      const secret = newSecret()
      await store.putToken(mesh, { kind: 'operator', id: secret.id, hash: secret.hash })
      return formatToken(PREFIX, secret)
    },
  }
}
