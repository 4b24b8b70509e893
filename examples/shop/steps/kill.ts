/** Kills one half of an endpoint while traffic flows, brings it back, and waits until it serves again. */
import { type Retries, retriesOf } from '../admin.ts'
import { monotonicMs, sleep, waitFor } from '../clock.ts'
import { KILLED } from '../instances.ts'
import type { Member } from '../member.ts'
import type { Shop } from '../shop.ts'
import type { Step } from '../step.ts'
import { several } from '../view.ts'

const DEAD_MS = 1_500
const BACK_MS = 45_000

interface Half {
  readonly comesBackAs: string
  kill(member: Member): Promise<void>
  bringBack(member: Member): Promise<void>
}

export const killAndBringBack = (title: string, half: Half): Step => ({
  title,
  async run({ shop, tally, findings, say }) {
    const member = shop.member(KILLED)
    const served = (): number => tally.byInstance.get(KILLED) ?? 0
    await waitFor(`${KILLED}: to serve`, BACK_MS, () => served() > 0)
    const before = await retriesByCallers(shop)
    const span = tally.open(monotonicMs())
    findings.killSpans.push(span)
    await half.kill(member)
    say(`${KILLED} killed`)
    await sleep(DEAD_MS)
    const startedMs = monotonicMs()
    const servedBefore = served()
    await half.bringBack(member)
    say(`started again; ${half.comesBackAs}`)
    await waitFor(`${KILLED}: to serve again`, BACK_MS, () => served() > servedBefore)
    tally.close(span, monotonicMs())
    const { requests, failed } = span
    // An app's own 500 has nothing to do with the kill.
    const interrupted = span.failedPosts.filter(post => post.servedBy === undefined).length
    const waitedS = ((monotonicMs() - startedMs) / 1000).toFixed(1)
    const after = await retriesByCallers(shop)
    const retried = `tried again: ${after.unsent - before.unsent} unsent, ${after.unanswered - before.unanswered} unanswered`
    const lost = `${several(failed, 'GET')} failed, ${several(interrupted, 'POST')} cut off`
    return `of ${requests}, ${lost}; ${retried}; back after ${waitedS} s`
  },
})

const CALLERS = ['web', 'orders']

async function retriesByCallers(shop: Shop): Promise<Retries> {
  const all = await Promise.all(CALLERS.map(name => retriesOf(shop.member(name).adminUrl)))
  return all.reduce((sum, { unsent, unanswered }) => ({
    unsent: sum.unsent + unsent,
    unanswered: sum.unanswered + unanswered,
  }))
}
