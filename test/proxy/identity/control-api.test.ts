import { X509Certificate } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { ControlClient } from '../../../proxy/config/control-client.ts'
import { ControlIdentity } from '../../../proxy/identity/control-api.ts'
import type { Identity } from '../../../proxy/identity/identity.ts'
import { openStateDir, type StateDir } from '../../../proxy/state-dir.ts'
import { ManualClock } from '../../../testing/clock.ts'
import { createAuthority, type LeafOptions, type TestAuthority } from '../../support/authority.ts'
import {
  type ControlReply,
  type ControlServer,
  controlServer,
  joinToken,
} from '../../support/control-server.ts'
import { keptLog } from '../../support/log.ts'
import { until } from '../../support/until.ts'

const closing: (() => unknown)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const HOUR_MS = 3_600_000

/** Issues whatever is asked for, as `payments`, until `its.reply` says otherwise. */
async function issuer(authority: TestAuthority) {
  const its = { reply: undefined as ControlReply | undefined, leaf: {} as LeafOptions, workload: 'payments' }
  const server = await controlServer(authority, async ({ body }) => {
    if (its.reply !== undefined) return its.reply
    const notBefore = new Date()
    const notAfter = new Date(notBefore.getTime() + 2 * HOUR_MS)
    const { csr } = JSON.parse(body) as { csr: string }
    const certificate = await authority.sign(csr, its.workload, { notBefore, notAfter, ...its.leaf })
    return {
      status: 200,
      body: {
        certificate,
        trustBundle: [authority.certificatePem],
        spiffeId: 'spiffe://shop/workload/payments',
        notBefore: notBefore.toISOString(),
        notAfter: notAfter.toISOString(),
      },
    }
  })
  closing.push(() => server.close())
  return { server, its }
}

interface Begin {
  readonly server: ControlServer
  readonly token?: string | undefined
  readonly state?: StateDir
}

function begin({ server, token, state = openStateDir(undefined) }: Begin) {
  const clock = new ManualClock(Date.now())
  const log = keptLog()
  const identities: Identity[] = []
  const givenUp: Error[] = []
  const source = new ControlIdentity({
    client: new ControlClient(server.url, clock),
    mesh: 'shop',
    workload: 'payments',
    joinToken: token,
    state,
    clock,
    random: { next: () => 0.5 },
    log,
  })
  closing.push(
    source.watch(
      identity => identities.push(identity),
      reason => givenUp.push(reason),
    ),
  )
  return { clock, log, identities, givenUp }
}

describe('ControlIdentity', () => {
  test('gets its first certificate with the join token, over a pinned connection, and keeps the key to itself', async () => {
    const authority = await createAuthority()
    const { server } = await issuer(authority)
    const token = joinToken(authority, 'payments')
    const { identities } = begin({ server, token })
    const identity = await until('there is a certificate', () => identities[0])
    expect(identity.spiffeId).toBe('spiffe://shop/workload/payments')
    const [asked] = server.to('/workloads/payments/certificate')
    expect(asked?.headers.authorization).toBe(`Bearer ${token}`)
    expect(asked?.body).not.toContain('PRIVATE KEY')
    expect(asked?.client).toBeUndefined()
  })

  test('sends no token to a server whose authority is not the one that the token names', async () => {
    const [authority, other] = await Promise.all([createAuthority(), createAuthority()])
    const { server } = await issuer(authority)
    const { givenUp } = begin({ server, token: joinToken(other, 'payments') })
    const reason = await until('it gives up', () => givenUp[0])
    expect(reason.message).toContain('is not the control plane expected')
    expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true)
    expect(reason.message).not.toContain('very-secret')
  })

  test('renews at half life with the certificate that it has', async () => {
    const authority = await createAuthority()
    const { server } = await issuer(authority)
    const { identities, clock } = begin({ server, token: joinToken(authority, 'payments') })
    await until('there is a certificate', () => identities.length === 1)
    await clock.advance(0.9 * HOUR_MS)
    expect(server.to('/certificate')).toHaveLength(1)
    await clock.advance(0.2 * HOUR_MS)
    await until('it is renewed', () => identities.length === 2)
    const renewal = server.to('/certificate')[1]
    expect(renewal?.client).toBe('URI:spiffe://shop/workload/payments')
    expect(renewal?.headers.authorization).toBeUndefined()
    expect(identities[1]?.serialNumber).not.toBe(identities[0]?.serialNumber)
  })

  test('keeps the certificate when renewal fails, says so, and tries again', async () => {
    const authority = await createAuthority()
    const { server, its } = await issuer(authority)
    const { identities, clock, log } = begin({ server, token: joinToken(authority, 'payments') })
    await until('there is a certificate', () => identities.length === 1)
    its.reply = { status: 503, body: {} }
    await clock.advance(1.1 * HOUR_MS)
    const failure = await until('it is logged', () => log.of('certificate-renewal-failed')[0])
    expect(failure.message).toContain('answered 503')
    expect(identities).toHaveLength(1)
    its.reply = undefined
    await clock.advance(2000)
    await until('it is renewed', () => identities.length === 2)
  })

  test('waits for a control plane that is not there yet', async () => {
    const authority = await createAuthority()
    const { server, its } = await issuer(authority)
    its.reply = { status: 503, body: {} }
    const { identities, clock, log } = begin({ server, token: joinToken(authority, 'payments') })
    await until('it is logged', () => log.of('certificate-failed')[0])
    its.reply = undefined
    await clock.advance(1000)
    await until('there is a certificate', () => identities.length === 1)
  })

  test('gives up when the token is refused, with the reason that the control plane gave', async () => {
    const authority = await createAuthority()
    const { server, its } = await issuer(authority)
    const problem = {
      type: 'about:blank',
      title: 'Unauthorized',
      status: 401,
      detail: 'the join token was used already',
    }
    its.reply = { status: 401, body: problem }
    const { givenUp } = begin({ server, token: joinToken(authority, 'payments') })
    expect((await until('it gives up', () => givenUp[0])).message).toContain(
      'the join token was used already',
    )
  })

  test('refuses a certificate of another workload', async () => {
    const authority = await createAuthority()
    const { server, its } = await issuer(authority)
    its.workload = 'orders'
    const { log, identities } = begin({ server, token: joinToken(authority, 'payments') })
    const failure = await until('it is logged', () => log.of('certificate-failed')[0])
    expect(failure.message).toContain('expected one of workload payments')
    expect(identities).toHaveLength(0)
  })

  test('begins with the kept certificate after a restart, without a token', async () => {
    const authority = await createAuthority()
    const { server } = await issuer(authority)
    const state = openStateDir(undefined)
    const first = begin({ server, token: joinToken(authority, 'payments'), state })
    await until('it is kept', () => state.read('identity.json'))
    const again = begin({ server, state })
    expect(again.identities[0]?.serialNumber).toBe(first.identities[0]?.serialNumber)
    expect(new X509Certificate(again.identities[0]?.certificatePem ?? '').subject).toBe('CN=payments')
  })

  test('does not use a kept certificate that is damaged, expired or of another workload, and says why', async () => {
    const authority = await createAuthority()
    const { server } = await issuer(authority)
    const keep = ({ certificatePem: certificate, privateKeyPem: privateKey, trustBundle }: Identity) =>
      JSON.stringify({ certificate, privateKey, trustBundle })
    const notBefore = new Date(Date.now() - 2 * HOUR_MS)
    const ended = await authority.identity('payments', {
      notBefore,
      notAfter: new Date(Date.now() - HOUR_MS),
    })
    const kept = ['{', keep(ended), keep(await authority.identity('orders'))]
    const reasons: unknown[] = []
    for (const text of kept) {
      const state = openStateDir(undefined)
      await state.write('identity.json', text)
      const { givenUp, log } = begin({ server, state })
      expect(givenUp[0]?.message).toContain('set SELVAGE_JOIN_TOKEN')
      reasons.push(log.of('kept-certificate-unusable')[0]?.reason)
    }
    expect(reasons).toEqual([
      'the file is damaged',
      expect.stringContaining('it ended at'),
      expect.stringContaining('it is of spiffe://shop/workload/orders'),
    ])
  })
})
