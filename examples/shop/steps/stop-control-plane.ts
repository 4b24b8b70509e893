/** The control plane is killed: configuration stands still, traffic does not. */
import { monotonicMs, waitFor } from '../clock.ts'
import type { Step } from '../step.ts'

const AT_LEAST_MS = 3_000
const AT_LEAST_REQUESTS = 300
const PATIENCE_MS = 20_000

export const stopControlPlane: Step = {
  title: 'stop the control plane',
  async run({ shop, tally, findings, say }) {
    await shop.killControl()
    const span = tally.open(monotonicMs())
    findings.controlPlaneStopped = span
    say('killed')
    await waitFor(
      `${AT_LEAST_REQUESTS} requests without a control plane`,
      PATIENCE_MS,
      () => span.requests >= AT_LEAST_REQUESTS && monotonicMs() - span.fromMs >= AT_LEAST_MS,
    )
    tally.close(span, monotonicMs())
    return `${span.requests} requests without it, ${span.failed} GETs failed`
  },
}
