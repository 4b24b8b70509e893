import { beforeEach, describe, expect, it } from 'vitest'
import { firstOf } from '../../../control/caller/caller.ts'
import { joinTokens } from '../../../control/caller/join-token.ts'
import { operatorTokens } from '../../../control/caller/operator-token.ts'
import { publishTokens } from '../../../control/caller/publish-token.ts'
import { memoryStore } from '../../../control/store/memory.ts'
import type { Store } from '../../../control/store/store.ts'
import { bearer, formatJoinToken, parseJoinToken } from '../../../mesh/protocol.ts'
import { handClock } from '../hand-clock.ts'
import { callerContract, none } from './caller.contract.ts'

const mesh = 'shop'
const CA = 'ab'.repeat(32)
const withToken = (token: string) => ({ ...none, authorization: bearer(token) })
/** Same length, other secret. */
const forge = (token: string) => token.replace(/.{6}$/, text => (text === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA'))

callerContract('join token', async clock => {
  const tokens = joinTokens({ store: memoryStore(), mesh, clock })
  const { token } = await tokens.issue('payments/v1', 600, CA)
  const parsed = parseJoinToken(token)
  const change = (part: Partial<typeof parsed>) => withToken(formatJoinToken({ ...parsed, ...part }))
  return {
    caller: tokens,
    good: withToken(token),
    principal: { kind: 'join', workload: 'payments/v1', tokenId: parsed.id },
    bad: {
      forged: change({ secret: 'x'.repeat(43) }),
      empty: change({ secret: '' }),
      unknown: change({ id: 'nobody' }),
      'of another workload': change({ workload: 'web' }),
      'of another mesh': change({ mesh: 'bank' }),
      damaged: withToken('selvage-join-1.hello'),
    },
    livesMs: 600_000,
    secrets: [parsed.secret],
  }
})

callerContract('publish token', async clock => {
  const tokens = publishTokens({ store: memoryStore(), mesh, clock })
  const { token } = await tokens.issue('team-a', ['payments'], 3600)
  return {
    caller: tokens,
    good: withToken(token),
    principal: { kind: 'publisher', name: 'team-a', services: ['payments'] },
    bad: {
      forged: withToken(forge(token)),
      damaged: withToken(token.slice(0, -1)),
      unknown: withToken(token.replace(/\.[\w-]{12}\./, '.abcdefghijkl.')),
    },
    livesMs: 3_600_000,
    secrets: [token.slice(-43)],
  }
})

callerContract('operator token', async () => {
  const tokens = operatorTokens({ store: memoryStore(), mesh })
  const token = await tokens.ensure(undefined)
  return {
    caller: tokens,
    good: withToken(token),
    principal: { kind: 'operator' },
    bad: {
      forged: withToken(forge(token)),
      damaged: withToken(`${token}x`),
      unknown: withToken(token.replace(/\.[\w-]{12}\./, '.abcdefghijkl.')),
    },
    livesMs: undefined,
    secrets: [token.slice(-43)],
  }
})

describe('tokens', () => {
  let store: Store
  beforeEach(() => {
    store = memoryStore()
  })

  it('keeps no secret at rest', async () => {
    const clock = handClock()
    const join = parseJoinToken((await joinTokens({ store, mesh, clock }).issue('web', 60, CA)).token)
    const publish = await publishTokens({ store, mesh, clock }).issue('team', ['web'], 60)
    const operator = await operatorTokens({ store, mesh }).ensure(undefined)
    const kept = JSON.stringify(
      await Promise.all((['join', 'publish', 'operator'] as const).map(kind => store.tokens(mesh, kind))),
    )
    expect(kept).toContain(join.id)
    for (const secret of [join.secret, publish.token.slice(-43), operator.slice(-43)])
      expect(kept).not.toContain(secret)
  })

  it('lets one of those who race consume a join token, and nobody after that', async () => {
    const tokens = joinTokens({ store, mesh, clock: handClock() })
    const { token } = await tokens.issue('web', 60, CA)
    const { id } = parseJoinToken(token)
    const wins = await Promise.all(Array.from({ length: 20 }, () => tokens.consume(id)))
    expect(wins.filter(Boolean)).toHaveLength(1)
    expect(await tokens.prove(withToken(token))).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('was used'),
    })
  })

  it('carries the fingerprint of the CA in a join token', async () => {
    const { token } = await joinTokens({ store, mesh, clock: handClock() }).issue('web', 60, CA)
    expect(parseJoinToken(token)).toMatchObject({ mesh, workload: 'web', caSha256: CA })
  })

  it('ends a publish token when it is revoked, and no other kind by that way', async () => {
    const tokens = publishTokens({ store, mesh, clock: handClock() })
    const operators = operatorTokens({ store, mesh })
    const operator = await operators.ensure(undefined)
    const { token, id } = await tokens.issue('team', ['web'], 60)
    await tokens.revoke(id)
    await tokens.revoke('never-was')
    await tokens.revoke((await store.tokens(mesh, 'operator'))[0]?.id ?? '')
    expect(await tokens.prove(withToken(token))).toMatchObject({ kind: 'refused' })
    expect(await operators.prove(withToken(operator))).toMatchObject({ kind: 'proven' })
  })

  it('keeps an operator token that is still good, and replaces one that is not', async () => {
    const tokens = operatorTokens({ store, mesh })
    const first = await tokens.ensure(undefined)
    expect(await tokens.ensure(first)).toBe(first)
    const second = await tokens.ensure('selvage-operator-1.lost')
    expect(second).not.toBe(first)
    expect(await tokens.prove(withToken(first))).toMatchObject({ kind: 'refused' })
  })

  it('lets the first kind of credentials that is there decide', async () => {
    const operators = operatorTokens({ store, mesh })
    const token = await operators.ensure(undefined)
    const caller = firstOf([operators, publishTokens({ store, mesh, clock: handClock() })])
    expect(await caller.prove(withToken(token))).toMatchObject({ principal: { kind: 'operator' } })
    expect(await caller.prove(withToken(forge(token)))).toMatchObject({ kind: 'refused' })
    expect(await caller.prove(none)).toEqual({ kind: 'absent' })
  })
})
