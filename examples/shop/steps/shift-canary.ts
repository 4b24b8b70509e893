/** 10 → 50 %: how long from the operator's change until the callers' sidecars enforce it. */
import { enforcedPercent, snapshotOf } from '../admin.ts'
import { monotonicMs, waitFor } from '../clock.ts'
import mesh from '../mesh.ts'
import type { Step } from '../step.ts'
import { LEAST_SPLIT_REQUESTS, SHIFTED_PERCENT } from '../summary.ts'
import { shareOfV2, total } from '../tally.ts'

const CALLERS = ['web', 'orders']
const GATHER_MS = 40_000
const PATIENCE_MS = 10_000
const POLL_MS = 5
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
    const sentMs = monotonicMs()
    tally.weightChanging(sentMs)
    const enforced = CALLERS.map(name =>
      waitFor(
        `sidecar of ${name}: to enforce ${SHIFTED_PERCENT} %`,
        PATIENCE_MS,
        async () => enforcedPercent(await snapshotOf(shop.member(name).adminUrl)) === SHIFTED_PERCENT,
        POLL_MS,
      ),
    )
    await Promise.all([shop.control.publish(shifted(SHIFTED_PERCENT)), ...enforced])
    const nowMs = monotonicMs()
    tally.weightChanged(nowMs)
    wantPercent(SHIFTED_PERCENT)
    // From the moment of sending, not of the answer: what is reported is never less than what it took.
    findings.weightEnforcedAfterMs = nowMs - sentMs
    return `was ${measured.toFixed(1)} %; enforced ${Math.round(nowMs - sentMs)} ms after the PUT was sent`
  },
}

/** The same mesh with other weights on the route that has any. */
const shifted = (percent: number) => ({
  ...mesh,
  routes: mesh.routes.map(route =>
    typeof route.to === 'string'
      ? route
      : { ...route, to: { 'payments/v1': 100 - percent, 'payments/v2': percent } },
  ),
})
