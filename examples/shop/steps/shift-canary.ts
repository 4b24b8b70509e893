/** 10 → 50 %: how long from the operator's change until the callers' sidecars enforce it. */
import { enforcedPercent, snapshotOf } from '../admin.ts'
import { monotonicMs, waitFor } from '../clock.ts'
import type { Member } from '../member.ts'
import mesh from '../mesh.ts'
import type { Step } from '../step.ts'
import { LEAST_SPLIT_REQUESTS, SHIFTED_PERCENT } from '../summary.ts'
import { shareOfV2, total } from '../tally.ts'

const CALLERS = ['web', 'orders']
const GATHER_MS = 120_000
const PATIENCE_MS = 10_000
/** A few more than needed, so that the claim never hangs on one request. */
const GATHERED = LEAST_SPLIT_REQUESTS + 50

export const shiftCanary: Step = {
  title: `shift the canary to ${SHIFTED_PERCENT} %`,
  async run({ shop, tally, findings, say, wantPercent }) {
    say(`gathering ${GATHERED} requests at 10 % first`)
    await waitFor(
      `${GATHERED} requests of non-testers`,
      GATHER_MS,
      () => total(tally.splitBefore) >= GATHERED,
    )
    const measured = shareOfV2(tally.splitBefore)
    const callers = CALLERS.map(name => shop.member(name))
    const before = callers.map(caller => configsOf(caller).length)
    tally.weightChanging(monotonicMs())
    const [{ revision }] = await Promise.all([
      shop.control.publish(shifted(SHIFTED_PERCENT)),
      ...callers.map(enforces),
    ])
    tally.weightChanged(monotonicMs())
    wantPercent(SHIFTED_PERCENT)
    const acceptedMs = await shop.control.acceptedAtMs(revision)
    const changes = await Promise.all(callers.map((caller, n) => configAfter(caller, before[n] ?? 0)))
    const enforcedMs = Math.max(...changes.map(({ time }) => Number(time)))
    findings.weightEnforcedAfterMs = enforcedMs - acceptedMs
    return `was ${measured.toFixed(1)} %; enforced by all callers ${enforcedMs - acceptedMs} ms after it was accepted`
  },
}

/** Its own answer, with the weights in it. */
const enforces = (caller: Member): Promise<boolean> =>
  waitFor(
    `sidecar of ${caller.instance.name}: to enforce ${SHIFTED_PERCENT} %`,
    PATIENCE_MS,
    async () => enforcedPercent(await snapshotOf(caller.adminUrl)) === SHIFTED_PERCENT,
  )

/** The configurations that it put into force, by its own log; the clocks of one machine are one clock. */
const configsOf = (caller: Member) => caller.sidecarEvents.filter(({ event }) => event === 'snapshot')

const configAfter = (caller: Member, before: number) =>
  waitFor(`log of the sidecar of ${caller.instance.name}`, PATIENCE_MS, () => configsOf(caller)[before])

/** The same mesh with other weights on the route that has any. */
const shifted = (percent: number) => ({
  ...mesh,
  routes: mesh.routes.map(route =>
    typeof route.to === 'string'
      ? route
      : { ...route, to: { 'payments/v1': 100 - percent, 'payments/v2': percent } },
  ),
})
