/** Kills one half of an endpoint while traffic flows, brings it back, and waits until it serves again. */
import { monotonicMs, sleep, waitFor } from '../clock.ts'
import { KILLED } from '../instances.ts'
import type { Member } from '../member.ts'
import type { Step } from '../step.ts'

const DEAD_MS = 1_500
const BACK_MS = 45_000

interface Half {
  kill(member: Member): Promise<void>
  bringBack(member: Member): Promise<void>
}

export const killAndBringBack = (title: string, half: Half): Step => ({
  title,
  async run({ shop, tally, findings, say }) {
    const member = shop.member(KILLED)
    const served = (): number => tally.byInstance.get(KILLED) ?? 0
    await waitFor(`${KILLED}: to serve`, BACK_MS, () => served() > 0)
    const span = tally.open(monotonicMs())
    findings.killSpans.push(span)
    await half.kill(member)
    say(`${KILLED} killed`)
    await sleep(DEAD_MS)
    await half.bringBack(member)
    const servedBefore = served()
    const backMs = monotonicMs()
    say(`${KILLED} started again`)
    await waitFor(`${KILLED}: to serve again`, BACK_MS, () => served() > servedBefore)
    tally.close(span, monotonicMs())
    const waited = ((monotonicMs() - backMs) / 1000).toFixed(1)
    return `${span.failed} of ${span.requests} failed, POSTs ${span.failedPosts.length}; serving ${waited} s after its start`
  },
})
