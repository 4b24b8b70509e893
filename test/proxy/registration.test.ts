import { describe, expect, test } from 'vitest'
import type { ControlCall } from '../../proxy/config/control-client.ts'
import { type ControlClient, ControlError } from '../../proxy/config/control-client.ts'
import { Registration } from '../../proxy/registration.ts'
import { ManualClock } from '../../testing/clock.ts'
import { keptLog } from '../support/log.ts'

interface Sent {
  readonly method: string
  readonly path: string
  readonly health: string | undefined
  readonly startedAtMs: number | undefined
}

/** A registry that answers what `fail` says, or 200. */
function registry() {
  const sent: Sent[] = []
  const clock = new ManualClock()
  const log = keptLog()
  const its = { fail: undefined as ControlError | undefined, leaseSeconds: 15 }
  const client = {
    async call({ method, path, body }: ControlCall) {
      const { health, startedAtMs } = (body ?? {}) as { health?: string; startedAtMs?: number }
      sent.push({ method, path, health, startedAtMs })
      if (its.fail !== undefined) throw its.fail
      return { status: 200, headers: {}, text: JSON.stringify({ leaseSeconds: its.leaseSeconds }) }
    },
  } as unknown as ControlClient
  const registration = new Registration({
    client,
    mesh: 'shop',
    workload: 'payments/v1',
    endpoint: 'p1',
    address: '10.0.0.7',
    leaseSeconds: 15,
    zone: undefined,
    versionLabel: undefined,
    port: () => 15006,
    report: () => ({ version: '1', ready: true }),
    clock,
    random: { next: () => 0.5 },
    log,
  })
  return { registration, sent, clock, log, its }
}

describe('Registration', () => {
  test('announces the endpoint at once and renews it before a third of the lease is over', async () => {
    const { registration, sent, clock } = registry()
    registration.want('healthy')
    await clock.advance(0)
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({ method: 'PUT', health: 'healthy' })
    expect(sent[0]?.path).toBe('/v1/meshes/shop/workloads/payments%2Fv1/endpoints/p1')
    await clock.advance(15_000)
    expect(sent).toHaveLength(4)
  })

  test('renews by the lease that the control plane gave', async () => {
    const { registration, sent, clock, its } = registry()
    its.leaseSeconds = 60
    registration.want('healthy')
    await clock.advance(18_000)
    expect(sent).toHaveLength(1)
    await clock.advance(2000)
    expect(sent).toHaveLength(2)
  })

  test('reports what is new within a tenth of a second, once for all that happens meanwhile', async () => {
    const { registration, sent, clock } = registry()
    registration.reportSoon()
    await clock.advance(1000)
    expect(sent).toHaveLength(0)
    registration.want('healthy')
    await clock.advance(1000)
    registration.reportSoon()
    await clock.advance(40)
    registration.reportSoon()
    await clock.advance(10)
    expect(sent).toHaveLength(2)
    await clock.advance(4000)
    expect(sent).toHaveLength(2)
  })

  test('keeps to its back-off when it has something to report while renewals fail', async () => {
    const { registration, sent, clock, its } = registry()
    registration.want('healthy')
    await clock.advance(0)
    its.fail = new ControlError('no answer')
    await clock.advance(5000)
    const failed = sent.length
    registration.reportSoon()
    await clock.advance(50)
    expect(sent).toHaveLength(failed)
  })

  test('announces an endpoint as draining only if it was there before', async () => {
    const { registration, sent, clock } = registry()
    registration.want('draining')
    await clock.advance(60_000)
    expect(sent).toHaveLength(0)
    registration.want('healthy')
    await clock.advance(0)
    registration.want('draining')
    await clock.advance(0)
    expect(sent.map(({ health }) => health)).toEqual(['healthy', 'draining'])
    expect(registration.standing).toBe('draining')
  })

  test('says once that it cannot register, and goes on trying', async () => {
    const { registration, sent, clock, its, log } = registry()
    its.fail = new ControlError('it cannot be reached')
    registration.want('healthy')
    await clock.advance(10_000)
    expect(sent.length).toBeGreaterThan(3)
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    its.fail = undefined
    await clock.advance(5000)
    expect(registration.standing).toBe('healthy')
  })

  test('takes part again as a process begun now when somebody took its endpoint out', async () => {
    const { registration, sent, clock, its } = registry()
    registration.want('healthy')
    await clock.advance(1000)
    its.fail = new ControlError('gone', 410)
    await clock.advance(4500)
    its.fail = undefined
    await clock.advance(5000)
    const [first, last] = [sent[0], sent.at(-1)]
    expect(last?.startedAtMs).toBeGreaterThan(first?.startedAtMs ?? 0)
    expect(registration.standing).toBe('healthy')
  })

  test('takes the endpoint out when it leaves, and renews nothing after', async () => {
    const { registration, sent, clock } = registry()
    registration.want('healthy')
    await clock.advance(0)
    await registration.leave()
    await clock.advance(60_000)
    expect(sent.map(({ method }) => method)).toEqual(['PUT', 'DELETE'])
  })

  test('does not wait for a control plane that is away when it leaves', async () => {
    const { registration, clock, log, its } = registry()
    registration.want('healthy')
    await clock.advance(0)
    its.fail = new ControlError('it cannot be reached')
    await registration.leave()
    expect(log.of('deregistration-failed')).toHaveLength(1)
  })

  test('has nothing to take out when it was never announced', async () => {
    const { registration, sent } = registry()
    await registration.leave()
    expect(sent).toHaveLength(0)
  })
})
