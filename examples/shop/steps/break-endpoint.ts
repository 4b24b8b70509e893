/** One endpoint of v2 answers 500: its callers eject it after five in a row, and take it back when its time is over. */
import { request } from 'node:http'
import { monotonicMs, sleep, waitFor } from '../clock.ts'
import { BROKEN } from '../instances.ts'
import type { Member } from '../member.ts'
import type { Step } from '../step.ts'

const EJECTED_WITHIN_MS = 15_000
/** Of the ejection's 30 s: the time in which nothing at all may reach the endpoint. */
const QUIET_MS = 20_000
const BACK_MS = 20_000

export const breakEndpoint: Step = {
  title: 'break an endpoint of v2',
  async run({ shop, tally, findings, say }) {
    const [web, orders] = [shop.member('web'), shop.member('orders')]
    await waitFor(`${BROKEN}: to serve`, EJECTED_WITHIN_MS, () => tally.byInstance.has(BROKEN))
    await turnKnob(shop.member(BROKEN), 'PUT')
    say(`${BROKEN} answers 500: GETs go elsewhere, its POSTs fail`)
    const ejection = await ejectionBy(web)
    const ejectedMs = monotonicMs()
    findings.ejectedAfterErrors = ejection.afterErrors
    await ejectionBy(orders)
    checkCount(ejection, await turnKnob(shop.member(BROKEN), 'DELETE'), 'web')
    // Requests that began before may still be on their way back.
    const allEjectedMs = monotonicMs()
    const servedSince = (): boolean => (tally.latestByInstance.get(BROKEN) ?? 0) > allEjectedMs
    say(`ejected after ${ejection.afterErrors} errors, for ${ejection.forMs / 1000} s; mended`)
    await sleep(QUIET_MS)
    if (servedSince()) throw new Error(`${BROKEN} was ejected and yet got a request`)
    await waitFor(`${BROKEN}: to serve again`, BACK_MS, servedSince)
    const outS = ((monotonicMs() - ejectedMs) / 1000).toFixed(1)
    return `ejected after ${ejection.afterErrors} errors, back after ${outS} s`
  },
}

interface Ejection {
  readonly afterErrors: number
  readonly forMs: number
}

/** From the caller's sidecar's own log. */
const ejectionBy = (caller: Member): Promise<Ejection> =>
  waitFor(`sidecar of ${caller.instance.name}: to eject ${BROKEN}`, EJECTED_WITHIN_MS, () => {
    const found = caller.sidecarEvents.find(
      ({ event, endpoint }) => event === 'endpoint-ejected' && endpoint === BROKEN,
    )
    return found && { afterErrors: Number(found.afterErrors), forMs: Number(found.forMs) }
  })

interface Knob {
  /** Failed answers of the app by caller. */
  readonly errors: Readonly<Record<string, number>>
}

/** The app's own switch, which no caller in the mesh can reach. */
const turnKnob = (member: Member, method: 'PUT' | 'DELETE'): Promise<Knob> =>
  new Promise((resolve, reject) => {
    const turning = request(new URL('/knobs/broken', member.appUrl), { method }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Knob))
      response.on('error', reject)
    })
    turning.on('error', reject)
    turning.end()
  })

/** What the sidecar says it counted, held against what the app says it answered. */
function checkCount(ejection: Ejection, { errors }: Knob, caller: string): void {
  const answered = Object.entries(errors).find(([id]) => id.endsWith(`/workload/${caller}`))?.[1] ?? 0
  if (answered >= ejection.afterErrors) return
  throw new Error(
    `the sidecar of ${caller} counted ${ejection.afterErrors} errors, the app answered it ${answered}`,
  )
}
